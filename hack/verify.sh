#!/usr/bin/env bash
# Fails where a generated file is not what its source makes. The generated files are made
# anew, and compared with what was there; changes that are not committed do not matter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT

generated=(api config/crd/bases config/rbac/role.yaml charts/eventflow/files dist)
for path in "${generated[@]}"; do [[ ! -e $path ]] || cp -r --parents "$path" "$before"; done
make generate manifests
for path in "${generated[@]}"; do
  diff -r -u -N "$before/$path" "$path" || differs=true
done
if [[ -n ${differs:-} ]]; then
  echo "generated files differ from what their sources make, and are right now: commit them" >&2
  exit 1
fi
