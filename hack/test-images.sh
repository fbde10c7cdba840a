#!/usr/bin/env bash
# Makes sure that Docker and the stores' images are there, and prints, as shell
# assignments, which images the integration tests are to use.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.env
source "$here/versions.env"
# shellcheck source=lib/progress.sh
source "$here/lib/progress.sh"
# shellcheck source=lib/images.sh
source "$here/lib/images.sh"
: "${IMAGES:=auto}"

"$here/airgap/build.sh" docker >&2
use_images "$(choose_images)"
if [[ $postgres_image == airgap/* ]]; then
  "$here/airgap/build.sh" stores >&2
else
  pull_images "${store_images[@]}" >&2
fi
printf 'export EVENTFLOW_TEST_POSTGRES_IMAGE=%q EVENTFLOW_TEST_REDIS_IMAGE=%q EVENTFLOW_TEST_RABBITMQ_IMAGE=%q\n' "${store_images[@]}"
