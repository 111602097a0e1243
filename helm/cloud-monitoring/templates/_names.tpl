{{/* Names, labels and images. A component is exporter-node, exporter-cluster, facade, prometheus or test. */}}

{{- define "cloudmon.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The beginning of every object's name. At most 40 characters, so that names with suffixes stay below 63. */}}
{{- define "cloudmon.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "cloudmon.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What selects a component's pods; it never changes. Arguments: root, component. */}}
{{- define "cloudmon.selectorLabels" -}}
app.kubernetes.io/name: {{ include "cloudmon.name" (index . 0) }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* The labels of an object. Arguments: root, component. */}}
{{- define "cloudmon.labels" -}}
{{- $root := index . 0 -}}
{{ include "cloudmon.selectorLabels" . }}
app.kubernetes.io/part-of: cloud-monitoring
{{- if $root.Chart.AppVersion }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
{{- end }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The labels of a pod: those that do not change with every version, so that only what changes is rolled out. */}}
{{- define "cloudmon.podLabels" -}}
{{ include "cloudmon.selectorLabels" . }}
app.kubernetes.io/part-of: cloud-monitoring
{{- with (index . 0).Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The metadata of a component's object. Arguments: root, component. */}}
{{- define "cloudmon.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "cloudmon.fullname" $root }}-{{ index . 1 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "cloudmon.labels" . | nindent 2 }}
{{- end -}}

{{/* The same for an object of no namespace. Arguments: root, component. */}}
{{- define "cloudmon.clusterMetadata" -}}
name: {{ include "cloudmon.fullname" (index . 0) }}-{{ index . 1 }}
labels:
  {{- include "cloudmon.labels" . | nindent 2 }}
{{- end -}}

{{/* Arguments: root, the image's values. */}}
{{- define "cloudmon.image" -}}
{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default (index . 0).Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}
