# shellcheck shell=bash disable=SC2154
# PostgreSQL, Redis and RabbitMQ as Debian has them. Sourced by build.sh.

step_stores() {
  local name
  base_image trixie
  for name in postgres:17 redis:8 rabbitmq:4; do
    have_image "airgap/$name" && continue
    log "assembling airgap/$name"
    image_of "$here/stores/${name%:*}" "airgap/$name"
  done
}
