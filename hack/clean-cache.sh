#!/usr/bin/env bash
# Removes what make up and the tests keep to be quick the next time: built binaries,
# tools and images. Without CONFIRM=1 it only lists them with their sizes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.env
source "$here/versions.env"

# images: the names of all images that were built or pulled for EventFlow.
images() {
  docker info >/dev/null 2>&1 || return 0
  docker images --format '{{.Repository}}:{{.Tag}}' |
    grep -E '^(airgap/|eventflow:|registry\.k8s\.io/(kube-[a-z-]+|etcd|coredns/coredns|pause|ingress-nginx/controller):)' || true
  local image
  for image in "kindest/node:$KUBERNETES_VERSION" "$KIND_NODE_IMAGE" "$POSTGRES_IMAGE" "$REDIS_IMAGE" "$RABBITMQ_IMAGE"; do
    if docker image inspect "$image" >/dev/null 2>&1; then echo "$image"; fi
  done
}

mapfile -t found < <(images)
if [[ ${CONFIRM:-} != 1 ]]; then
  [[ ! -d $EVENTFLOW_CACHE ]] || du -sh "$EVENTFLOW_CACHE"
  for image in "${found[@]}"; do
    docker image inspect --format '{{.Size}}' "$image" | awk -v image="$image" '{ printf "%.0fM\t%s\n", $1 / 1e6, image }'
  done
  echo "Nothing was removed. To remove all of this: make clean-cache CONFIRM=1"
  exit 0
fi
rm -rf "${EVENTFLOW_CACHE:?}"
# Not by force: an image that a container still uses stays, and Docker says so.
if ((${#found[@]})); then docker rmi "${found[@]}" >/dev/null; fi
echo "Removed $EVENTFLOW_CACHE and ${#found[@]} images."
