#!/usr/bin/env bash
# Shows the cluster's box office: the EventFlow, its conditions and its pods.
set -euo pipefail
# shellcheck source=cluster.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/cluster.sh"

cluster_runs || fail "no cluster \"$CLUSTER\" runs: make up"
"$kubectl" -n "$NAMESPACE" get eventflow,chaos,pods
"$kubectl" -n "$NAMESPACE" get eventflow boxoffice -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\n"}{end}'
