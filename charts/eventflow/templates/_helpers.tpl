{{/* The name of everything in the release: its own, with the chart's where that is not in it. */}}
{{- define "eventflow.operator" -}}
{{- $base := .Release.Name -}}
{{- if not (contains .Chart.Name .Release.Name) -}}
{{- $base = printf "%s-%s" .Release.Name .Chart.Name -}}
{{- end -}}
{{- printf "%s-operator" ($base | trunc 54 | trimSuffix "-") -}}
{{- end -}}

{{- define "eventflow.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "eventflow.labels" -}}
{{ include "eventflow.selectorLabels" . }}
app.kubernetes.io/part-of: eventflow
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "eventflow.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}

{{- define "eventflow.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "eventflow.operator" .) -}}
{{- end -}}
