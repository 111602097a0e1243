{{/* Whose series answer (docs/dialects.md). Each of these is empty, or true. */}}

{{/* Those of our exporters. */}}
{{- define "cloudmon.own" -}}
{{- if eq .Values.metricsDialect "cloudmon" -}}true{{- end -}}
{{- end -}}

{{/* Those of others, each question translated: nothing of ours is stored. */}}
{{- define "cloudmon.translated" -}}
{{- if not (or (include "cloudmon.own" .) .Values.prometheusRule.enabled) -}}true{{- end -}}
{{- end -}}

{{/* Whole seconds between two readings of network, disk and throttling: with others' series, between two scrapes. */}}
{{- define "cloudmon.detailSeconds" -}}
{{- eq .Values.metricsDialect "cloudmon" | ternary .Values.intervals.detail .Values.intervals.scrape | int -}}
{{- end -}}
