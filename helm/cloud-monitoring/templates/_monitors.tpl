{{/* What ServiceMonitors and PodMonitors have in common. */}}

{{/* Arguments: root, what: exporter or facade. */}}
{{- define "cloudmon.monitorSelector" -}}
{{- $root := index . 0 -}}
matchLabels:
  app.kubernetes.io/name: {{ include "cloudmon.name" $root }}
  app.kubernetes.io/instance: {{ $root.Release.Name }}
matchExpressions:
  - key: app.kubernetes.io/component
    operator: In
    values: [{{ eq (index . 1) "exporter" | ternary "exporter-node, exporter-cluster" "facade" }}]
{{- end -}}

{{/* Arguments: root, role: service or pod, what: exporter or facade. */}}
{{- define "cloudmon.monitorEndpoint" -}}
{{- $root := index . 0 -}}
path: /metrics
interval: {{ int $root.Values.intervals.scrape }}s
scrapeTimeout: {{ include "cloudmon.scrapeTimeout" $root }}
honorLabels: {{ eq (index . 2) "exporter" }}
relabelings:
  {{- include "cloudmon.monitorRelabelings" . | nindent 2 }}
{{- end -}}
