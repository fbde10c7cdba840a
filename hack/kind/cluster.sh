# shellcheck shell=bash disable=SC2034
# What up.sh, down.sh and status.sh have in common: names and places. To be sourced.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=../versions.env
source "$root/hack/versions.env"
# shellcheck source=../lib/progress.sh
source "$root/hack/lib/progress.sh"
# shellcheck source=../lib/packages.sh
source "$root/hack/lib/packages.sh"
# shellcheck source=../lib/images.sh
source "$root/hack/lib/images.sh"

: "${CLUSTER:=eventflow}"   # the kind cluster's name
: "${HTTP_PORT:=80}"        # where the box office listens on this machine's loopback
: "${IMAGES:=auto}"         # pull, build, or auto: pull where a registry answers
: "${NAMESPACE:=eventflow}" # where the sample box office lives

# The project's own file: the user's kubectl context is left alone.
export KUBECONFIG=$root/.kube/$CLUSTER.kubeconfig
chosen_images=$root/.kube/$CLUSTER.images # "pull" or "build", for as long as the cluster is there
node=$CLUSTER-control-plane
kind=$EVENTFLOW_CACHE/tools/kind-$KIND_VERSION
helm=$EVENTFLOW_CACHE/tools/helm-$HELM_VERSION
kubectl=$EVENTFLOW_CACHE/bin/kubectl
url=http://localhost$([[ $HTTP_PORT == 80 ]] || echo ":$HTTP_PORT")

cluster_exists() { docker inspect "$node" >/dev/null 2>&1; }
cluster_runs() { [[ $(docker inspect --format '{{.State.Running}}' "$node" 2>/dev/null) == true ]]; }
cluster_port() { docker inspect --format '{{(index (index .HostConfig.PortBindings "80/tcp") 0).HostPort}}' "$node"; }
