#!/usr/bin/env bash
# Tests the parts of hack/airgap that need no Docker: the OCI runtime's reduction, the
# nginx template's adaptation, and the Lua balancer. Takes a second.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# check NAME COMMAND...: counts whether the command succeeds.
check() {
  local name=$1
  shift
  if "$@" >"$work/out" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAIL %s\n' "$name"
    sed 's/^/     /' "$work/out"
  fi
}

# A runc that only says how it was called stands in: what counts is what is handed to it.
mkdir -p "$work/bin" "$work/bundle"
printf '#!/bin/sh\necho "$@" >"%s/called"\n' "$work" >"$work/bin/runc"
chmod +x "$work/bin/runc"

runtime() { PATH="$work/bin:$PATH" python3 "$here/oci-runtime" "$@"; }

reduces_create() {
  printf '%s' '{"process":{"oomScoreAdj":-999,"capabilities":{"bounding":["CAP_CHOWN","CAP_SYS_RESOURCE"],"effective":null}}}' >"$work/bundle/config.json"
  runtime --log x create --bundle "$work/bundle" id
  python3 - "$work/bundle/config.json" <<'PY'
import json, sys
process = json.load(open(sys.argv[1]))["process"]
assert process["oomScoreAdj"] == 0, process
assert process["capabilities"]["bounding"] == ["CAP_CHOWN"], process
PY
  grep -q 'create --bundle' "$work/called"
}

reduces_exec() {
  printf '%s' '{"oomScoreAdj":5,"capabilities":{"bounding":["CAP_SYS_RESOURCE"]}}' >"$work/process.json"
  runtime exec --process "$work/process.json" id
  python3 - "$work/process.json" <<'PY'
import json, sys
process = json.load(open(sys.argv[1]))
assert process["oomScoreAdj"] == 5 and process["capabilities"]["bounding"] == [], process
PY
}

passes_others_on() {
  runtime state id
  grep -qx 'state id' "$work/called"
}

adapts_template() {
  printf 'pid /tmp/nginx.pid;\nhttp {\n    server { }\n}\n\nstream {\n    lua_package_path "x";\n}\n' >"$work/nginx.tmpl"
  "$here/ingress-nginx/adapt-template" "$work/nginx.tmpl"
  head -n 4 "$work/nginx.tmpl" | grep -c '^load_module' | grep -qx 4
  grep -q '^http {' "$work/nginx.tmpl"
  [[ $(grep -c '^stream {' "$work/nginx.tmpl") == 1 ]]
  ! grep -q lua_package_path "$work/nginx.tmpl"
}

balances_round_robin() {
  command -v lua5.1 >/dev/null || command -v luajit >/dev/null || {
    [[ $EUID -eq 0 ]] && apt-get install -y --no-install-recommends luajit >/dev/null
  }
  local lua
  lua=$(command -v luajit || command -v lua5.1)
  cat >"$work/test.lua" <<'LUA'
package.path = arg[1] .. "/?.lua;" .. package.path
local roundrobin = require("resty.roundrobin")
local balancer = roundrobin:new({ a = 1, b = 1, c = 1 })
local count = {}
for _ = 1, 30 do local node = balancer:find(); count[node] = (count[node] or 0) + 1 end
for _, node in ipairs({ "a", "b", "c" }) do assert(count[node] == 10, node .. " was chosen " .. tostring(count[node])) end
balancer:reinit({ a = 2, b = 1 })
count = {}
for _ = 1, 30 do local node = balancer:find(); count[node] = (count[node] or 0) + 1 end
assert(count.a == 20 and count.b == 10, "weights are not kept")
balancer:reinit({})
assert(balancer:find() == nil, "an empty balancer has no node")
LUA
  "$lua" "$work/test.lua" "$here/ingress-nginx/lua"
}

check "oci-runtime reduces what create asks for" reduces_create
check "oci-runtime reduces what exec asks for" reduces_exec
check "oci-runtime passes other commands on" passes_others_on
check "adapt-template loads modules and replaces the stream block" adapts_template
check "the Lua balancer goes round" balances_round_robin
printf 'hack/airgap: %d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
