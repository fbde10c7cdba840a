#!/usr/bin/env bash
# Runs make targets one after another and says at the end how long each took. Stops at
# the first that fails.
#
#   test-all.sh TARGET...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=progress.sh
source hack/progress.sh

times=()
report() {
  printf '\n'
  if ((${#times[@]})); then printf '%s\n' "${times[@]}"; fi
}
trap report EXIT
for target in "$@"; do
  begin=$SECONDS
  printf '\n=== make %s\n' "$target"
  make "$target" || {
    times+=("$(printf '%-18s FAILED after %d s' "$target" $((SECONDS - begin)))")
    exit 1
  }
  times+=("$(printf '%-18s %5d s' "$target" $((SECONDS - begin)))")
done
times+=("$(printf '%-18s %5d s' "in all" $((SECONDS - started_at)))")
