{{/* What the cluster can: each API in the newest version that it has. */}}

{{- define "cloudmon.kube" -}}
{{- $root := index . 0 -}}
{{- if semverCompare (printf ">=%s-0" (index . 1)) $root.Capabilities.KubeVersion.Version -}}true{{- end -}}
{{- end -}}

{{- define "cloudmon.policyVersion" -}}
{{- if and (include "cloudmon.kube" (list . "1.21.0")) (.Capabilities.APIVersions.Has "policy/v1") -}}
policy/v1
{{- else -}}
policy/v1beta1
{{- end -}}
{{- end -}}

{{- define "cloudmon.autoscalingVersion" -}}
{{- if and (include "cloudmon.kube" (list . "1.23.0")) (.Capabilities.APIVersions.Has "autoscaling/v2") -}}
autoscaling/v2
{{- else -}}
autoscaling/v2beta2
{{- end -}}
{{- end -}}

{{/*
What Prometheus discovers through. An Endpoints object holds a thousand addresses at most, EndpointSlices any number;
Prometheus 3 reads the latter in their version v1 only, which clusters have from 1.21 on.
*/}}
{{- define "cloudmon.discoveryRole" -}}
{{- if and (include "cloudmon.kube" (list . "1.21.0")) (.Capabilities.APIVersions.Has "discovery.k8s.io/v1") -}}
endpointslice
{{- else -}}
endpoints
{{- end -}}
{{- end -}}
