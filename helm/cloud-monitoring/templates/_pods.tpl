{{/* What pods have in common. */}}

{{/*
The head of a component's pod. No service links: a Service named `exporter` would set EXPORTER_PORT.
Arguments: root, component, its values, its numeric user.
*/}}
{{- define "cloudmon.podSpec" -}}
{{- $root := index . 0 -}}{{- $values := index . 2 -}}{{- $user := index . 3 -}}
serviceAccountName: {{ include "cloudmon.fullname" $root }}-{{ index . 1 }}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ $user }}
  runAsGroup: {{ $user }}
  fsGroup: {{ $user }}
  seccompProfile:
    type: RuntimeDefault
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "cloudmon.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities:
  drop:
    - ALL
{{- end -}}

{{/* The three intervals, as exporters and facade read them. */}}
{{- define "cloudmon.intervals" -}}
- name: SCRAPE_INTERVAL
  value: {{ int .Values.intervals.scrape | quote }}
- name: DETAIL_INTERVAL
  value: {{ include "cloudmon.detailSeconds" . | quote }}
- name: STORAGE_INTERVAL
  value: {{ int .Values.intervals.storage | quote }}
{{- end -}}

{{/*
What both exporters' containers have in common.
An exporter is ready after two readings of its kubelet. It says that it leaves through /readyz too, so that this is
asked often. Nothing waits for a pod to have been ready for a while (minReadySeconds): the new exporter takes the old
one to be gone eight seconds after its first ready answer.
Arguments: root, the scope's values.
*/}}
{{- define "cloudmon.exporterContainer" -}}
{{- $root := index . 0 -}}{{- $values := index . 1 -}}
image: {{ include "cloudmon.image" (list $root $root.Values.exporter.image) }}
imagePullPolicy: {{ $root.Values.exporter.image.pullPolicy }}
ports:
  - name: metrics
    containerPort: 9477
    protocol: TCP
livenessProbe:
  httpGet:
    path: /healthz
    port: metrics
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet:
    path: /readyz
    port: metrics
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 3
resources:
  {{- toYaml $values.resources | nindent 2 }}
securityContext:
  {{- include "cloudmon.containerSecurity" $root | nindent 2 }}
{{- end -}}

{{/* An exporter answers on for two scrape intervals after SIGTERM; this is that and a margin, in seconds. */}}
{{- define "cloudmon.exporterGrace" -}}
{{- add (mul 2 (int .Values.intervals.scrape)) 15 -}}
{{- end -}}
