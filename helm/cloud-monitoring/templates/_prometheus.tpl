{{/*
The bundled Prometheus: one server that scrapes, evaluates the rules and answers; or, with `prometheus.shards`, as many
that only scrape (component prom-shard), and one that reads them all, evaluates the rules and answers (the component
prometheus again). No shard is ever given a rule: it knows some of the pods, and a total of some of them would be stored
under the name of the total of all.
*/}}

{{- define "cloudmon.sharded" -}}
{{- if and .Values.prometheus.enabled (gt (int .Values.prometheus.shards) 1) -}}true{{- end -}}
{{- end -}}

{{/* Whether there is one that evaluates the rules and answers. */}}
{{- define "cloudmon.answering" -}}
{{- if and .Values.prometheus.enabled (or (not (include "cloudmon.sharded" .)) .Values.prometheus.global.enabled) -}}true{{- end -}}
{{- end -}}

{{/* The component that scrapes. */}}
{{- define "cloudmon.scraper" -}}
{{- if include "cloudmon.sharded" . -}}prom-shard{{- else -}}prometheus{{- end -}}
{{- end -}}

{{/* Where a shard answers. Arguments: root, its number. */}}
{{- define "cloudmon.shardAddress" -}}
{{- $name := printf "%s-prom-shard" (include "cloudmon.fullname" (index . 0)) -}}
{{- printf "%s-%d.%s.%s.svc:9090" $name (index . 1) $name (index . 0).Release.Namespace -}}
{{- end -}}

{{/* prometheus.yml of the one that answers. */}}
{{- define "cloudmon.prometheusConfig" -}}
{{- include "cloudmon.prometheusGlobal" . }}
rule_files:
  - /etc/prometheus/rules/*.yaml
scrape_configs:
  {{- if not (include "cloudmon.sharded" .) }}
  {{- include "cloudmon.scrapeJobs" (list . "") | nindent 2 }}
  {{- end }}
  - job_name: cloudmon-prometheus
    static_configs:
      {{- include "cloudmon.ownTarget" (list . "localhost:9090" "prometheus") | nindent 6 }}
      {{- if include "cloudmon.sharded" . }}
      {{- range $shard := until (int .Values.prometheus.shards) }}
      {{- $address := include "cloudmon.shardAddress" (list $ $shard) }}
      {{- include "cloudmon.ownTarget" (list $ $address (printf "prom-shard-%d" $shard)) | nindent 6 }}
      {{- end }}
      {{- end }}
{{- with .Values.prometheus.alertmanagerUrl }}
{{- $url := urlParse . }}
alerting:
  alertmanagers:
    - scheme: {{ $url.scheme }}
      {{- with trimSuffix "/" $url.path }}
      path_prefix: {{ . }}
      {{- end }}
      static_configs:
        - targets: [{{ $url.host | quote }}]
{{- end }}
{{- if include "cloudmon.sharded" . }}
# read_recent: nothing that a shard scrapes is stored here. The time that it may take is less than the facade waits, so that
# one shard that hangs costs its own part of an answer and not all of it.
remote_read:
  {{- range $shard := until (int .Values.prometheus.shards) }}
  - name: shard-{{ $shard }}
    url: http://{{ include "cloudmon.shardAddress" (list $ $shard) }}/api/v1/read
    read_recent: true
    remote_timeout: {{ include "cloudmon.remoteTimeout" $ }}
  {{- end }}
{{- end }}
{{- include "cloudmon.remoteWrite" . }}
{{- end -}}

{{/* prometheus.yml of a shard: no rules. Arguments: root, its number. */}}
{{- define "cloudmon.shardConfig" -}}
{{- $root := index . 0 -}}
{{- include "cloudmon.prometheusGlobal" $root }}
scrape_configs:
  {{- include "cloudmon.scrapeJobs" (list $root (toString (index . 1))) | nindent 2 }}
  {{- if not $root.Values.prometheus.global.enabled }}
  - job_name: cloudmon-prometheus
    static_configs:
      {{- include "cloudmon.ownTarget" (list $root "localhost:9090" (printf "prom-shard-%d" (index . 1))) | nindent 6 }}
  {{- end }}
{{- include "cloudmon.remoteWrite" $root }}
{{- end -}}

{{- define "cloudmon.prometheusGlobal" -}}
{{- $interval := printf "%ds" (int .Values.intervals.scrape) -}}
global:
  scrape_interval: {{ $interval }}
  scrape_timeout: {{ include "cloudmon.scrapeTimeout" . }}
  evaluation_interval: {{ $interval }}
  {{- with .Values.prometheus.externalLabels }}
  external_labels:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* The jobs that discovery finds. Arguments: root, the number of the shard as text; empty for all targets. */}}
{{- define "cloudmon.scrapeJobs" -}}
{{- $root := index . 0 -}}
- job_name: cloudmon
  honor_labels: true
  kubernetes_sd_configs:
    {{- include "cloudmon.discovery" $root | nindent 4 }}
  relabel_configs:
    {{- include "cloudmon.keepComponent" (list $root "exporter-(node|cluster)" "metrics") | nindent 4 }}
    {{- include "cloudmon.keepReady" (include "cloudmon.discoveryRole" $root) | nindent 4 }}
    {{- include "cloudmon.setExporterLabels" $root | nindent 4 }}
    {{- if index . 1 }}
    {{- include "cloudmon.keepShard" . | nindent 4 }}
    {{- end }}
- job_name: cloudmon-facade
  kubernetes_sd_configs:
    {{- include "cloudmon.discovery" $root | nindent 4 }}
  relabel_configs:
    {{- include "cloudmon.keepComponent" (list $root "facade" "http") | nindent 4 }}
    {{- include "cloudmon.keepReady" (include "cloudmon.discoveryRole" $root) | nindent 4 }}
    {{- include "cloudmon.setFacadeLabels" $root | nindent 4 }}
    {{- if index . 1 }}
    {{- include "cloudmon.keepShard" . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/*
Whether a target is a shard's: by `instance`, which a replaced exporter inherits, so that a node's series stay where they
are. An address changes with every pod: the shard that had it would end the series a moment after another has begun it.
Arguments: root, the number of the shard as text.
*/}}
{{- define "cloudmon.keepShard" -}}
- action: hashmod
  source_labels: [instance]
  modulus: {{ int (index . 0).Values.prometheus.shards }}
  target_label: __tmp_shard
- action: keep
  source_labels: [__tmp_shard]
  regex: {{ index . 1 | quote }}
{{- end -}}

{{/* A Prometheus as a target. Arguments: root, address, instance. */}}
{{- define "cloudmon.ownTarget" -}}
- targets: [{{ index . 1 }}]
  labels:
    instance: {{ index . 2 }}
    {{- with (index . 0).Values.clusterName }}
    cluster: {{ . | quote }}
    {{- end }}
{{- end -}}

{{- define "cloudmon.remoteWrite" -}}
{{- with .Values.prometheus.remoteWrite }}
remote_write:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Four fifths of what the facade waits for an answer. */}}
{{- define "cloudmon.remoteTimeout" -}}
{{- mulf .Values.facade.prometheusTimeout 800.0 | int }}ms
{{- end -}}

{{/* Changes with the configuration and the rules, and not with the chart's version. */}}
{{- define "cloudmon.prometheusChecksum" -}}
{{- $text := include "cloudmon.prometheusConfig" . -}}
{{- range splitList "," (include "cloudmon.ruleFiles" .) -}}
{{- $text = print $text (include "cloudmon.rules" (list $ .)) -}}
{{- end -}}
{{- sha256sum $text -}}
{{- end -}}

{{/* What every server's container has. Arguments: root, the name of its configuration's file, its resources. */}}
{{- define "cloudmon.prometheusContainer" -}}
{{- $values := (index . 0).Values.prometheus -}}
image: {{ include "cloudmon.image" (list (index . 0) $values.image) }}
imagePullPolicy: {{ $values.image.pullPolicy }}
args:
  - --config.file=/etc/prometheus/config/{{ index . 1 }}
  - --storage.tsdb.path=/prometheus
  - --storage.tsdb.retention.time={{ $values.retention }}
  - --storage.tsdb.retention.size={{ $values.retentionSize }}
  {{- with $values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  - name: http
    containerPort: 9090
    protocol: TCP
# Reading what was written last can take minutes after a start.
startupProbe:
  httpGet:
    path: /-/ready
    port: http
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 180
livenessProbe:
  httpGet:
    path: /-/healthy
    port: http
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet:
    path: /-/ready
    port: http
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
resources:
  {{- toYaml (index . 2) | nindent 2 }}
securityContext:
  {{- include "cloudmon.containerSecurity" (index . 0) | nindent 2 }}
{{- end -}}

{{/* The API that the facade asks. */}}
{{- define "cloudmon.prometheusUrl" -}}
{{- $bundled := printf "http://%s-prometheus.%s.svc:9090" (include "cloudmon.fullname" .) .Release.Namespace -}}
{{- default $bundled .Values.facade.prometheusUrl -}}
{{- end -}}
