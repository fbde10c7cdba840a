#!/usr/bin/env bash
# Removes what make up and the tests keep to be quick the next time: built binaries,
# tools and images. Without CONFIRM=1 it only lists them with their sizes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.env
source "$here/versions.env"

mapfile -t images < <(docker images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null |
  grep -E "^(airgap/|eventflow:|kindest/node:$KUBERNETES_VERSION|registry.k8s.io/(ingress-nginx/controller|kube-|etcd|coredns|pause))" || true)
if [[ ${CONFIRM:-} != 1 ]]; then
  [[ -d $EVENTFLOW_CACHE ]] && du -sh "$EVENTFLOW_CACHE"
  ((${#images[@]})) && docker images --format '{{.Size}}\t{{.Repository}}:{{.Tag}}' | grep -F -f <(printf '%s\n' "${images[@]}")
  echo "Nothing was removed. To remove all of this: make clean-cache CONFIRM=1"
  exit 0
fi
rm -rf "$EVENTFLOW_CACHE"
((${#images[@]})) && docker rmi --force "${images[@]}" >/dev/null
echo "Removed $EVENTFLOW_CACHE and ${#images[@]} images."
