#!/usr/bin/env bash
# Lints every shell script of the project: shellcheck, which is installed on Debian as root
# and asked for elsewhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if ! command -v shellcheck >/dev/null; then
  if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
    apt-get update >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends shellcheck >/dev/null
  else
    echo "shellcheck is missing: install it" >&2
    exit 1
  fi
fi
{
  git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run
  git grep -lE --untracked '^#!.*bash' -- hack charts test || true
} | sort -u | xargs shellcheck --severity=warning
