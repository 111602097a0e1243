{{/*
Rate windows as promql/windows.py computes them, in whole seconds: four readings of the source (of CPU at least 60 s), up
to a whole number of scrape intervals, and one scrape interval more. Arguments: root, seconds that must be covered.
*/}}
{{- define "cloudmon.rateWindow" -}}
{{- $scrape := int (index . 0).Values.intervals.scrape -}}
{{- $covered := mul (div (sub (add (index . 1) $scrape) 1) $scrape) $scrape -}}
{{- add $covered $scrape -}}s
{{- end -}}

{{/* Two and a half times an interval: how long an exporter quotes its last reading. Argument: whole seconds. */}}
{{- define "cloudmon.holdSeconds" -}}
{{- div (mul 5 .) 2 -}}{{- if mod (mul 5 .) 2 -}}.5{{- end -}}
{{- end -}}

{{/* A rule file of the chart with the intervals put in. Arguments: root, path. */}}
{{- define "cloudmon.rules" -}}
{{- $root := index . 0 -}}
{{- $resource := include "cloudmon.rateWindow" (list $root (max (mul 4 (int $root.Values.intervals.scrape)) 60)) -}}
{{- $detail := include "cloudmon.rateWindow" (list $root (mul 4 (include "cloudmon.detailSeconds" $root | int))) -}}
{{- $root.Files.Get (index . 1)
  | replace "__SCRAPE_INTERVAL__" (printf "%ds" (int $root.Values.intervals.scrape))
  | replace "__RATE_WINDOW_RESOURCE__" $resource
  | replace "__RATE_WINDOW_DETAIL__" $detail
  | replace "__STALE__" (max 60 (mul 4 (int $root.Values.intervals.scrape)) | toString)
  | replace "__HOLD_RESOURCE__" (max 60 (mul 2 (int $root.Values.intervals.scrape)) | toString)
  | replace "__HOLD_DETAIL__" (include "cloudmon.holdSeconds" (int $root.Values.intervals.detail))
  | replace "__HOLD_STORAGE__" (include "cloudmon.holdSeconds" (int $root.Values.intervals.storage))
  | replace "__RUNBOOK_URL__" (trimSuffix "/" $root.Values.alerts.runbookUrl) -}}
{{- end -}}

{{/*
The smallest step of a dashboard's query as promql/dashboards.py computes it, in whole seconds: two scrape intervals, and
a quarter of the rate window. Arguments: root, seconds that a rate must cover.
*/}}
{{- define "cloudmon.minStep" -}}
{{- $window := include "cloudmon.rateWindow" . | trimSuffix "s" | int -}}
{{- max (mul 2 (int (index . 0).Values.intervals.scrape)) (div (add $window 3) 4) -}}s
{{- end -}}

{{/*
A dashboard of the chart. It has the steps of the default intervals, so that it can be imported as it is: those of the
intervals in force take their place. Arguments: root, path.
*/}}
{{- define "cloudmon.dashboard" -}}
{{- $root := index . 0 -}}
{{- $resource := include "cloudmon.minStep" (list $root (max (mul 4 (int $root.Values.intervals.scrape)) 60)) -}}
{{- $detail := include "cloudmon.minStep" (list $root (mul 4 (include "cloudmon.detailSeconds" $root | int))) -}}
{{- $root.Files.Get (index . 1)
  | replace "\"interval\": \"30s\"" "\"interval\": \"__RESOURCE__\""
  | replace "\"interval\": \"64s\"" (printf "\"interval\": %q" $detail)
  | replace "__RESOURCE__" $resource -}}
{{- end -}}

{{/*
Paths of the rule files in force, comma-separated: without `alerts.enabled` the alerts stay out. With another's series, those
that record ours from them, and no alerts: they watch over exporters.
*/}}
{{- define "cloudmon.ruleFiles" -}}
{{- $files := list -}}
{{- if not (include "cloudmon.own" .) -}}
{{- $files = list (printf "rules/%s/recording.yaml" .Values.metricsDialect) -}}
{{- else -}}
{{- range $path, $_ := .Files.Glob "rules/*.yaml" -}}
{{- if or $.Values.alerts.enabled (ne (base $path) "alerts.yaml") -}}
{{- $files = append $files $path -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- join "," $files -}}
{{- end -}}

{{/* Nine tenths of the interval, and of ten seconds where that is longer. */}}
{{- define "cloudmon.scrapeTimeout" -}}
{{- $milliseconds := mul 900 (min (int .Values.intervals.scrape) 10) -}}
{{- if mod $milliseconds 1000 -}}{{ $milliseconds }}ms{{- else -}}{{ div $milliseconds 1000 }}s{{- end -}}
{{- end -}}
