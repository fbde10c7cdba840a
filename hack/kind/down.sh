#!/usr/bin/env bash
# Takes the cluster away and all that up.sh made for it. What stays, because making it
# takes long, is the cache; "make clean-cache" removes that.
set -euo pipefail
# shellcheck source=cluster.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/cluster.sh"

if ! command -v docker >/dev/null; then
  echo "There is no Docker, and so no cluster."
  exit
fi
"$root/hack/airgap/build.sh" docker # a stopped cluster is still there
if cluster_exists; then
  "$root/hack/tools/install.sh" kind >/dev/null
  "$kind" delete cluster --name "$CLUSTER" --kubeconfig "$KUBECONFIG"
else
  echo "There is no cluster \"$CLUSTER\"."
fi
rm -f "$KUBECONFIG" "$KUBECONFIG.lock" "$chosen_images"
rmdir "$root/.kube" 2>/dev/null || true
# Docker keeps kind's network, which other clusters may still use: it then refuses.
docker network rm kind >/dev/null 2>&1 || true
# Images named by content are made for a cluster; eventflow:dev keeps the layers.
docker images --format '{{.Repository}}:{{.Tag}}' eventflow | grep ':dev-' | xargs -r docker rmi >/dev/null || true
echo "What stays: $EVENTFLOW_CACHE, and images in Docker's store. To see how much: make clean-cache"
