{{/*
How a target gets its labels: `job`, `instance`, `node` and `cluster`, and nothing else, since those of the scrape would
take the place of the labels of the pod that was measured. The same rules serve the bundled Prometheus and the operator's
monitors; they use what every role of discovery knows of a pod.
*/}}

{{/* Whether a target is one of the component's. Arguments: root, components (a regular expression), port. */}}
{{- define "cloudmon.keepComponent" -}}
- action: keep
  source_labels:
    - __meta_kubernetes_pod_label_app_kubernetes_io_name
    - __meta_kubernetes_pod_label_app_kubernetes_io_instance
    - __meta_kubernetes_pod_label_app_kubernetes_io_component
    - __meta_kubernetes_pod_container_port_name
  regex: {{ include "cloudmon.name" (index . 0) }};{{ (index . 0).Release.Name }};{{ index . 1 }};{{ index . 2 }}
{{- end -}}

{{/*
Only what is ready and not about to leave: two exporters must not publish into one series. A pod that terminates is not
in Endpoints at all; EndpointSlices say it. A PodMonitor learns it from the exporter's readiness. Argument: `pod` for the
role of that name.
*/}}
{{- define "cloudmon.keepReady" -}}
{{- if eq . "pod" -}}
- action: keep
  source_labels: [__meta_kubernetes_pod_ready]
  regex: "true"
{{- else -}}
- action: keep
  source_labels:
    - __meta_kubernetes_endpoint_ready
    - __meta_kubernetes_endpointslice_endpoint_conditions_ready
  regex: true;|;true
- action: drop
  source_labels: [__meta_kubernetes_endpointslice_endpoint_conditions_terminating]
  regex: "true"
{{- end }}
{{- end -}}

{{/* Labels that the operator adds of its own. */}}
{{- define "cloudmon.dropOperatorLabels" -}}
- action: labeldrop
  regex: namespace|pod|container|service|endpoint|node
{{- end -}}

{{- define "cloudmon.setCluster" -}}
{{- with .Values.clusterName }}
- target_label: cluster
  replacement: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "cloudmon.setExporterLabels" -}}
- target_label: job
  replacement: cloudmon
- source_labels: [__meta_kubernetes_pod_label_app_kubernetes_io_component]
  regex: exporter-cluster
  target_label: instance
  replacement: cluster
- source_labels:
    - __meta_kubernetes_pod_label_app_kubernetes_io_component
    - __meta_kubernetes_pod_label_cloud_monitoring_shard
  regex: exporter-cluster;(.+)
  target_label: instance
  replacement: cluster-$1
- source_labels:
    - __meta_kubernetes_pod_label_app_kubernetes_io_component
    - __meta_kubernetes_pod_node_name
  regex: exporter-node;(.+)
  target_label: instance
- source_labels:
    - __meta_kubernetes_pod_label_app_kubernetes_io_component
    - __meta_kubernetes_pod_node_name
  regex: exporter-node;(.+)
  target_label: node
{{- include "cloudmon.setCluster" . }}
{{- end -}}

{{- define "cloudmon.setFacadeLabels" -}}
- target_label: job
  replacement: cloudmon-facade
- source_labels: [__meta_kubernetes_pod_name]
  target_label: instance
{{- include "cloudmon.setCluster" . }}
{{- end -}}

{{/*
What the operator (0.79 and later; an older one goes by the address) shares targets out by, where its Prometheus has
shards: see cloudmon.keepShard.
*/}}
{{- define "cloudmon.operatorShard" -}}
- source_labels: [instance]
  target_label: __tmp_hash
{{- end -}}

{{/* The same rules as an operator's monitor spells them. Arguments: root, role, what: exporter or facade. */}}
{{- define "cloudmon.monitorRelabelings" -}}
{{- $root := index . 0 -}}
{{- $rules := list
  (include "cloudmon.keepReady" (index . 1) | trim)
  (include "cloudmon.dropOperatorLabels" $root)
  (include (printf "cloudmon.set%sLabels" (title (index . 2))) $root)
  (include "cloudmon.operatorShard" $root) -}}
{{- join "\n" $rules | replace "source_labels:" "sourceLabels:" | replace "target_label:" "targetLabel:" -}}
{{- end -}}

{{- define "cloudmon.discovery" -}}
- role: {{ include "cloudmon.discoveryRole" . }}
  namespaces:
    names: [{{ .Release.Namespace }}]
{{- end -}}
