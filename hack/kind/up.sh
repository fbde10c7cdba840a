#!/usr/bin/env bash
# Makes a kind cluster with a box office in it, stage by stage. Run again, it changes
# nothing that is right.
#
#   up.sh [STAGE...]   all stages, or those named: docker images tools cluster image
#                      load ingress operator boxoffice
#
# CLUSTER, HTTP_PORT, IMAGES (auto, pull, build) and the versions of hack/versions.env
# are taken from the environment.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=cluster.sh
source "$here/cluster.sh"
for stages in images cluster boxoffice; do
  # shellcheck source=/dev/null
  source "$here/stages/$stages.sh"
done

main() {
  if (($#)); then
    for name in "$@"; do stage "$name"; done
    return
  fi
  preflight
  printf 'EventFlow in kind cluster "%s"\n' "$CLUSTER"
  for name in docker images tools cluster image load ingress operator boxoffice; do stage "$name"; done
  farewell
}

stage() {
  case $1 in
    docker) # not joined by "&&", which would switch "set -e" off in the step
      step "Docker Engine" ensure_docker
      check_port
      ;;
    images) step "Images" ensure_images ;;
    tools) step "Tools" ensure_tools ;;
    cluster) step "Cluster" ensure_cluster ;;
    image) step "EventFlow's image" build_eventflow ;;
    load) step "Images into the cluster" load_images ;;
    ingress) step "ingress-nginx" install_ingress ;;
    operator) step "Operator (helm install)" install_operator ;;
    boxoffice)
      step "Box office (kubectl apply)" install_box_office
      step "Box office is Ready" wait_until_ready
      step "It answers at $url" wait_until_served
      ;;
    *) fail "there is no stage \"$1\"" ;;
  esac
}

# preflight says what stands in the way, before anything is started.
preflight() {
  [[ $IMAGES =~ ^(auto|pull|build)$ ]] || fail "IMAGES=$IMAGES: it is auto, pull or build"
  command -v go >/dev/null || fail "Go is missing: install Go 1.26 or newer"
  docker info >/dev/null 2>&1 || can_install ||
    fail "Docker does not answer: install it, start it, or join the group docker (as root on Debian it is done for you)"
  check_port
  require curl
}

check_port() {
  local other
  if cluster_exists && [[ $(cluster_port) != "$HTTP_PORT" ]]; then
    fail "cluster \"$CLUSTER\" listens on port $(cluster_port): make up HTTP_PORT=$(cluster_port), or make down first"
  fi
  port_taken "$HTTP_PORT" || return 0
  cluster_runs && return
  other=$(free_port)
  ! cluster_exists || fail "port $HTTP_PORT is taken, and the stopped cluster needs it: free it, or make down up HTTP_PORT=$other"
  fail "port $HTTP_PORT is taken: make up HTTP_PORT=$other"
}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
  local port=8081
  while port_taken "$port"; do port=$((port + 1)); done
  echo "$port"
}

farewell() {
  cat <<END

The box office is open at $url ($SECONDS s in all).

  use kubectl         export KUBECONFIG=$KUBECONFIG
                      alias kubectl=$kubectl
  buy a ticket        curl -si $url/purchase -H 'Content-Type: application/json' \\
                        -d '{"event_id":"aurora","tier":"general","quantity":2,"email":"ada@example.com"}'
  see what is left    curl -s $url/events/aurora
  start an outage     kubectl apply -f config/samples/chaos.yaml
  watch it            kubectl -n $NAMESPACE get eventflow,chaos,pods
  take it all down    make down$([[ $CLUSTER == eventflow ]] || echo " CLUSTER=$CLUSTER")
END
}

main "$@"
