#!/usr/bin/env bash
# Makes sure that Docker and the stores' images are there, and prints, as shell
# assignments, which images the integration tests are to use.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.env
source "$here/versions.env"

"$here/airgap/build.sh" docker >&2
for image in "$POSTGRES_IMAGE" "$REDIS_IMAGE" "$RABBITMQ_IMAGE"; do
  if ! docker image inspect "$image" >/dev/null 2>&1 && ! timeout 120 docker pull --quiet "$image" >&2; then
    "$here/airgap/build.sh" stores >&2
    POSTGRES_IMAGE=airgap/postgres:17 REDIS_IMAGE=airgap/redis:8 RABBITMQ_IMAGE=airgap/rabbitmq:4
    break
  fi
done
printf 'export EVENTFLOW_TEST_POSTGRES_IMAGE=%q EVENTFLOW_TEST_REDIS_IMAGE=%q EVENTFLOW_TEST_RABBITMQ_IMAGE=%q\n' \
  "$POSTGRES_IMAGE" "$REDIS_IMAGE" "$RABBITMQ_IMAGE"
