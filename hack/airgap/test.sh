#!/usr/bin/env bash
# Tests the parts of hack/ that need no Docker: the libraries of the scripts, the nginx
# template's adaptation, and the Lua stand-ins. Takes a few seconds. The OCI runtime is
# tested in Go, beside it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/progress.sh
source "$here/../lib/progress.sh"
# shellcheck source=../lib/packages.sh
source "$here/../lib/packages.sh"
require luajit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# check NAME COMMAND...: counts whether the command succeeds, with "set -e" in force.
check() {
  local name=$1 status
  shift
  set +e
  (
    set -e
    "$@"
  ) >"$work/out" 2>&1
  status=$?
  set -e
  if ((status == 0)); then
    passed=$((passed + 1))
    return
  fi
  failed=$((failed + 1))
  printf 'FAIL %s\n' "$name"
  sed 's/^/     /' "$work/out"
}

equal() { [[ $1 == "$2" ]] || { printf 'got  %s\nwant %s\n' "$1" "$2" && return 1; }; }

parses() {
  local script
  while read -r script; do bash -n "$script"; done < <(find "$here/.." -name '*.sh' -o -name adapt-template)
}

adapts_template() {
  cp "$here/testdata/nginx.tmpl" "$work/nginx.tmpl"
  "$here/ingress-nginx/adapt-template" "$work/nginx.tmpl"
  diff -u "$here/testdata/nginx.adapted.tmpl" "$work/nginx.tmpl"
}

stand_ins() { luajit "$here/testdata/stand-ins.lua" "$here/ingress-nginx/lua"; }

# step_of COMMANDS: what a script prints whose step runs the commands.
step_of() {
  bash -euo pipefail -c "source '$here/../lib/progress.sh'; work() { $1; }; step Title work; echo after" 2>&1 | tr -s ' '
}

# shows_progress: a step shows what is logged and the summary, and keeps the rest to itself.
shows_progress() {
  equal "$(step_of 'echo noise; log building; summary made; true')" "$(printf ' Title \n 0 s building\n Title 0 s made\nafter')"
}

# stops_at_failure: a step ends the script where its command fails, and shows why.
stops_at_failure() {
  local output
  output=$(step_of 'echo why; false; echo unreachable' || true)
  grep -q FAILED <<<"$output"
  grep -q '^why$' <<<"$output"
  equal "$(grep -cxE 'unreachable|after' <<<"$output" || true)" 0
}

# rebuilds_other_versions: a program is current in its own version only.
rebuilds_other_versions() {
  # shellcheck source=steps/go.sh
  source "$here/steps/go.sh"
  # shellcheck disable=SC2034
  bin=$work/bin
  mkdir "$work/bin"
  install -m 0755 /dev/null "$work/bin/etcd"
  if current etcd v1; then return 1; fi
  keep_version etcd v1
  current etcd v1
  if current etcd v2; then return 1; fi
}

# chooses_images IMAGES PRESENT REGISTRY WANT: with a docker that has one set of images, or none.
chooses_images() {
  # shellcheck source=../versions.env
  source "$here/../versions.env"
  # shellcheck source=../lib/images.sh
  source "$here/../lib/images.sh"
  IMAGES=$1
  local present=$2 registry=$3
  have_images() { [[ $present != none && $1 == "$present"* ]]; }
  registry_answers() { [[ $registry == answers ]]; }
  equal "$(choose_images)" "$4"
}

check "scripts parse" parses
check "adapt-template loads modules and replaces the stream block" adapts_template
check "the Lua stand-ins do what ingress-nginx needs" stand_ins
check "a step shows its progress" shows_progress
check "a failing step stops" stops_at_failure
check "another version is built anew" rebuilds_other_versions
check "IMAGES=pull is obeyed" chooses_images pull airgap/ silent pull
check "built images are used again" chooses_images auto airgap/ answers build
check "pulled images are used again" chooses_images auto postgres: silent pull
check "a registry is asked" chooses_images auto none answers pull
check "without a registry images are built" chooses_images auto none silent build
printf 'hack: %d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
