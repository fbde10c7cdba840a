#!/usr/bin/env bash
# Lints every shell script of the project with shellcheck.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=lib/progress.sh
source hack/lib/progress.sh
# shellcheck source=lib/packages.sh
source hack/lib/packages.sh

require shellcheck
{
  git ls-files --cached --others --exclude-standard -- '*.sh' hack/versions.env
  git grep -lE --untracked '^#!.*bash' -- .ci hack charts test || true
} | sort -u | while read -r script; do [[ ! -f $script ]] || echo "$script"; done | xargs shellcheck --shell=bash
