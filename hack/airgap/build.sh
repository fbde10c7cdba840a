#!/usr/bin/env bash
# Builds, from Go modules and Debian packages alone, all that a kind cluster with a box
# office needs where no container registry answers.
#
#   build.sh docker    install and start a Docker Engine (Debian, as root)
#   build.sh envtest   kube-apiserver, etcd and kubectl, for the controllers' tests
#   build.sh node      kindest/node:$KUBERNETES_VERSION, with Kubernetes' own images inside
#   build.sh ingress   the ingress-nginx controller on Debian's nginx
#   build.sh stores    airgap/postgres:17, airgap/redis:8, airgap/rabbitmq:4
#   build.sh all       docker, node, ingress and stores
#   build.sh stop      end the dockerd that "docker" started
#
# Binaries lie under $EVENTFLOW_CACHE/bin, images in Docker's store. What is there
# already is not made again. Cold on 2 cores: about 20 minutes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../versions.env
source "$here/../versions.env"
bin=$EVENTFLOW_CACHE/bin
mkdir -p "$bin"
export DOCKER_BUILDKIT=0 # Debian's docker.io has no buildx

for part in ../lib/progress ../lib/packages steps/go steps/images steps/docker steps/node steps/ingress steps/stores; do
  # shellcheck source=/dev/null
  source "$here/$part.sh"
done

case ${1:-} in
  docker | envtest | node | ingress | stores | stop) "step_$1" ;;
  all) # not joined by "&&", which would switch "set -e" off in them
    step_docker
    step_node
    step_ingress
    step_stores
    ;;
  *)
    sed -n '2,15s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
