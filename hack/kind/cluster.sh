# shellcheck shell=bash disable=SC2034
# What up.sh, down.sh and status.sh have in common: names and places. To be sourced.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=../versions.env
source "$root/hack/versions.env"
# shellcheck source=../progress.sh
source "$root/hack/progress.sh"

: "${CLUSTER:=eventflow}"   # the kind cluster's name
: "${HTTP_PORT:=80}"        # where the box office listens on this machine's loopback
: "${IMAGES:=auto}"         # pull, build, or auto: pull where a registry answers
: "${NAMESPACE:=eventflow}" # where the sample box office lives

export KUBECONFIG=$root/.kube/$CLUSTER.kubeconfig
node=$CLUSTER-control-plane
kind=$EVENTFLOW_CACHE/bin/kind
kubectl=$EVENTFLOW_CACHE/bin/kubectl
url=http://localhost$([[ $HTTP_PORT == 80 ]] || echo ":$HTTP_PORT")

cluster_runs() { [[ $(docker inspect --format '{{.State.Running}}' "$node" 2>/dev/null) == true ]]; }
