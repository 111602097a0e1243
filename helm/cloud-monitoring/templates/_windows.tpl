{{/*
Rate windows as promql/windows.py computes them, in whole seconds: four readings of the source (of CPU at least 60 s), up
to a whole number of scrape intervals, and one scrape interval more. Arguments: root, seconds that must be covered.
*/}}
{{- define "cloudmon.rateWindow" -}}
{{- $scrape := int (index . 0).Values.intervals.scrape -}}
{{- $covered := mul (div (sub (add (index . 1) $scrape) 1) $scrape) $scrape -}}
{{- add $covered $scrape -}}s
{{- end -}}

{{/* A rule file of the chart with the intervals put in. Arguments: root, path. */}}
{{- define "cloudmon.rules" -}}
{{- $root := index . 0 -}}
{{- $resource := include "cloudmon.rateWindow" (list $root (max (mul 4 (int $root.Values.intervals.scrape)) 60)) -}}
{{- $detail := include "cloudmon.rateWindow" (list $root (mul 4 (int $root.Values.intervals.detail))) -}}
{{- $root.Files.Get (index . 1)
  | replace "__SCRAPE_INTERVAL__" (printf "%ds" (int $root.Values.intervals.scrape))
  | replace "__RATE_WINDOW_RESOURCE__" $resource
  | replace "__RATE_WINDOW_DETAIL__" $detail -}}
{{- end -}}

{{/* Paths of the rule files in force, comma-separated: without `alerts.enabled` the alerts stay out. */}}
{{- define "cloudmon.ruleFiles" -}}
{{- $files := list -}}
{{- range $path, $_ := .Files.Glob "rules/*.yaml" -}}
{{- if or $.Values.alerts.enabled (ne (base $path) "alerts.yaml") -}}
{{- $files = append $files $path -}}
{{- end -}}
{{- end -}}
{{- join "," $files -}}
{{- end -}}

{{/* Nine tenths of the interval, and of ten seconds where that is longer. */}}
{{- define "cloudmon.scrapeTimeout" -}}
{{- $milliseconds := mul 900 (min (int .Values.intervals.scrape) 10) -}}
{{- if mod $milliseconds 1000 -}}{{ $milliseconds }}ms{{- else -}}{{ div $milliseconds 1000 }}s{{- end -}}
{{- end -}}
