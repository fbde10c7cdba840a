#!/usr/bin/env bash
# Takes the cluster away and all that up.sh made for it. What stays, because building it
# takes long, is the cache; "make clean-cache" removes that.
set -euo pipefail
# shellcheck source=cluster.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/cluster.sh"

if docker inspect "$node" >/dev/null 2>&1; then
  "$kind" delete cluster --name "$CLUSTER" --kubeconfig "$KUBECONFIG"
else
  echo "There is no cluster \"$CLUSTER\"."
fi
rm -f "$KUBECONFIG" "$KUBECONFIG.lock"
rmdir "$root/.kube" 2>/dev/null || true
# Images named by content are made for a cluster; eventflow:dev keeps the layers.
docker images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null | grep '^eventflow:dev-' | xargs -r docker rmi >/dev/null
echo "What stays: $EVENTFLOW_CACHE and images in Docker's store (make clean-cache removes them)."
