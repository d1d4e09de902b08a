{{- define "serinus.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 55 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 55 characters: "-metrics" still fits into the 63 of a Service's name. */}}
{{- define "serinus.fullname" -}}
{{- $name := include "serinus.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 55 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 55 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 55 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Where the operator and its Lease are. */}}
{{- define "serinus.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "serinus.selector" -}}
app.kubernetes.io/name: {{ include "serinus.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "serinus.labels" -}}
{{- $own := dict
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/component" "operator"
  "app.kubernetes.io/part-of" "serinus"
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") -}}
{{- merge (include "serinus.selector" . | fromYaml) $own .Values.commonLabels | toYaml -}}
{{- end -}}

{{- define "serinus.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "serinus.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name: name the ServiceAccount to use, because serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The reference of an image; takes a list of the root, the image's values and its usual tag. */}}
{{- define "serinus.image" -}}
{{- $image := index . 1 -}}
{{- with (index . 0).Values.imageRegistry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default (index . 2) $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What is laid over the catalogue of runtimes; empty when nothing is. */}}
{{- define "serinus.catalogue" -}}
{{- $given := dict -}}
{{- range $part, $value := .Values.catalogue -}}
{{- if $value -}}
{{- $_ := set $given $part $value -}}
{{- end -}}
{{- end -}}
{{- if $given -}}
{{- toYaml $given -}}
{{- end -}}
{{- end -}}

{{/* Every setting of the operator that a value decides: the right side is the value's name. */}}
{{- define "serinus.settings" -}}
SERINUS_LEASE_NAMESPACE: the chart
SERINUS_LEASE_NAME: the chart
SERINUS_NAMESPACES: namespaces
SERINUS_PROMETHEUS_ADDRESS: prometheus.address
SERINUS_PROMETHEUS_ALLOWED: prometheus.allowed
SERINUS_PROMETHEUS_TIMEOUT: prometheus.timeout
SERINUS_PROMETHEUS_HEADERS: prometheus.headers
SERINUS_PROMETHEUS_CREDENTIALS: prometheus.auth
SERINUS_PROMETHEUS_TLS: prometheus.tls
SERINUS_LOG_LEVEL: log.level
SERINUS_LOG_FORMAT: log.format
SERINUS_MLFLOW_TRACKING_URI: mlflow.trackingUri
SERINUS_MLFLOW_CREDENTIALS: mlflow.existingSecret
SERINUS_MLFLOW_INTERVAL: mlflow.interval
SERINUS_MLFLOW_TIMEOUT: mlflow.timeout
SERINUS_CUSTOM_QUERIES: customQueries
SERINUS_CUSTOM_QUERY_PROXY: customQueryProxy.address
SERINUS_CUSTOM_QUERY_HEADER: customQueryProxy.header
SERINUS_WORKERS: workers
SERINUS_MAX_ROLLOUTS: maxRollouts
SERINUS_MAX_ROLLOUTS_PER_NAMESPACE: maxRolloutsPerNamespace
SERINUS_SERVER_IMAGE: serverImage
SERINUS_SERVER_FULL_IMAGE: serverFullImage
SERINUS_STORAGE_IMAGE: storageImage
SERINUS_LOGGER_IMAGE: loggerImage
SERINUS_RUNTIMES: catalogue
SERINUS_HEALTH_PORT: the chart
SERINUS_METRICS_PORT: the chart
POD_ID: the chart
{{- end -}}

{{/* What the operator does in the namespaces that it serves. It reads no Secret. */}}
{{- define "serinus.rules" -}}
- apiGroups: [serinus.dev]
  resources: [modeldeployments]
  verbs: [get, list, watch]
- apiGroups: [serinus.dev]
  resources: [modeldeployments/status]
  verbs: [patch, update]
# Children name a ModelDeployment as their owner, copied ConfigMaps a ControllerRevision, BackendTLSPolicies a Service,
# with blockOwnerDeletion: where OwnerReferencesPermissionEnforcement is on, that takes these three.
- apiGroups: [serinus.dev]
  resources: [modeldeployments/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [controllerrevisions/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [services/finalizers]
  verbs: [update]
# Revisions are written once and stamped when promoted.
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [patch]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
# The ones that runtime.configMaps names are read, and copied into immutable ones of the revision.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes, grpcroutes]
  verbs: [get, list, watch, create, patch, delete]
# One for each revision whose pods answer HTTPS; it goes with the revision's Service.
- apiGroups: [gateway.networking.k8s.io]
  resources: [backendtlspolicies]
  verbs: [get, list, watch, create, patch]
# A route also belongs to its namespace, so that it can be closed before it goes.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways]
  verbs: [get]
{{- end -}}

{{- define "serinus.subject" -}}
- kind: ServiceAccount
  name: {{ include "serinus.serviceAccount" . }}
  namespace: {{ include "serinus.namespace" . }}
{{- end -}}
