# shellcheck shell=bash disable=SC2154
# PostgreSQL, Redis and RabbitMQ as Debian has them. Sourced by build.sh.

step_stores() {
  local name folder
  base_image trixie
  for name in postgres:17 redis:8 rabbitmq:4; do
    folder=$here/stores/${name%:*}
    is_made_of "$folder" "airgap/$name" && continue
    log "assembling airgap/$name"
    image_of "$folder" "airgap/$name"
  done
}
