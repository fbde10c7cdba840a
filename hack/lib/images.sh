# shellcheck shell=bash disable=SC2034,SC2153
# Which images a cluster and the tests use: pulled ones, or those of hack/airgap. To be
# sourced after versions.env.

# use_images pull|build: sets the names of the images.
use_images() {
  if [[ $1 == build ]]; then
    node_image=kindest/node:$KUBERNETES_VERSION
    ingress_image=registry.k8s.io/ingress-nginx/controller:airgap
    postgres_image=airgap/postgres:17 redis_image=airgap/redis:8 rabbitmq_image=airgap/rabbitmq:4
  else
    node_image=$KIND_NODE_IMAGE
    ingress_image=registry.k8s.io/ingress-nginx/controller:$INGRESS_NGINX_VERSION
    postgres_image=$POSTGRES_IMAGE redis_image=$REDIS_IMAGE rabbitmq_image=$RABBITMQ_IMAGE
  fi
  store_images=("$postgres_image" "$redis_image" "$rabbitmq_image")
}

have_images() { docker image inspect "$@" >/dev/null 2>&1; }

# A registry that does not answer soon does not answer. The image is a few kilobytes.
registry_answers() { timeout 20 docker pull --quiet "$PROBE_IMAGE" >/dev/null 2>&1; }

# choose_images: says "pull" or "build". IMAGES=auto takes what is there already, and
# else pulls where a registry answers.
choose_images() {
  local choice
  if [[ $IMAGES != auto ]]; then
    echo "$IMAGES"
    return
  fi
  for choice in build pull; do
    use_images "$choice"
    if have_images "${store_images[@]}"; then
      echo "$choice"
      return
    fi
  done
  if registry_answers; then echo pull; else echo build; fi
}

# pull_images IMAGE...: pulls those that are not there.
pull_images() {
  local image
  for image in "$@"; do
    have_images "$image" && continue
    log "pulling ${image%@*}"
    docker pull --quiet "$image" || return
  done
}
