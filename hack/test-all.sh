#!/usr/bin/env bash
# Runs make targets one after another and says at the end how long each took. Stops at
# the first that fails.
#
#   test-all.sh TARGET...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

times=()
took() { times+=("$(printf '%-18s %s %5d s' "$1" "$2" $((SECONDS - $3)))"); }
report() {
  took "in all" "      " 0
  printf '\n'
  printf '%s\n' "${times[@]}"
}
trap report EXIT

for target in "$@"; do
  begin=$SECONDS
  printf '\n=== make %s\n' "$target"
  if ! make "$target"; then
    took "$target" FAILED "$begin"
    exit 1
  fi
  took "$target" "passed" "$begin"
done
