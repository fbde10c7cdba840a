# shellcheck shell=bash disable=SC2154
# Docker, images and tools on this machine. Sourced by up.sh.

ensure_docker() {
  "$root/hack/airgap/build.sh" docker
  summary "$(docker version --format '{{.Server.Version}}')"
}

# ensure_images pulls or builds what the cluster needs, and notes which of the two. A
# cluster keeps to what it was made of.
ensure_images() {
  local choice
  if cluster_exists && [[ -f $chosen_images && $IMAGES == auto ]]; then
    choice=$(<"$chosen_images")
  else
    choice=$(choose_images)
  fi
  use_images "$choice"
  if [[ $choice == pull ]] && ! pull_images "$node_image" "$ingress_image" "${store_images[@]}"; then
    [[ $IMAGES == auto ]] || fail "an image cannot be pulled: make up IMAGES=build"
    log "an image cannot be pulled: building all"
    choice=build
  fi
  [[ $choice == pull ]] || "$root/hack/airgap/build.sh" all
  mkdir -p "${chosen_images%/*}"
  echo "$choice" >"$chosen_images"
  summary "$([[ $choice == pull ]] && echo pulled || echo built here)"
}

# use_chosen_images sets the names of the images that ensure_images settled on.
use_chosen_images() { use_images "$(cat "$chosen_images")"; }

ensure_tools() {
  use_chosen_images
  "$root/hack/tools/install.sh" kind
  "$root/hack/tools/install.sh" helm
  if [[ ! -x $kubectl ]]; then # the node's image has one
    local container
    container=$(docker create "$node_image")
    mkdir -p "${kubectl%/*}"
    docker cp "$container:/usr/bin/kubectl" "$kubectl"
    docker rm "$container"
  fi
  summary "kind $KIND_VERSION, helm $HELM_VERSION, kubectl $("$kubectl" version --client | sed -n 's/^Client Version: //p')"
}

build_eventflow() {
  make -C "$root" --no-print-directory image
  summary "$(eventflow_image)"
}

# eventflow_image names EventFlow's image by its content, so that only a change rolls out.
eventflow_image() {
  echo "eventflow:dev-$(cd "$root" && sha256sum Dockerfile bin/linux/* | sha256sum | cut -c 1-12)"
}
