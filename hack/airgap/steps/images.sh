# shellcheck shell=bash disable=SC2154
# Images without a registry to start from. Sourced by build.sh.

have_image() { docker image inspect "$1" >/dev/null 2>&1; }

have_packages() { dpkg -s "$@" >/dev/null 2>&1; }

install_packages() {
  have_packages "$@" && return
  apt-get update >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >/dev/null
}

# base_image SUITE: airgap/debian:SUITE.
base_image() {
  have_image "airgap/debian:$1" && return
  install_packages mmdebstrap
  log "making airgap/debian:$1"
  local tar=$EVENTFLOW_CACHE/$1.tar
  mmdebstrap --quiet --variant=minbase --include=ca-certificates "$1" "$tar"
  docker import "$tar" "airgap/debian:$1" >/dev/null
  rm "$tar"
}

# scratch_image IMAGE BINARY PATH: one static binary, nothing else.
scratch_image() {
  have_image "$1" && return
  local context
  context=$(mktemp -d)
  cp "$2" "$context/${3##*/}"
  printf 'FROM scratch\nENV PATH=/usr/local/bin:/usr/bin:/\nCOPY %s %s\nENTRYPOINT ["%s"]\n' "${3##*/}" "$3" "$3" >"$context/Dockerfile"
  docker build --quiet --tag "$1" "$context" >/dev/null
  rm -r "$context"
}

# image_of FOLDER IMAGE [FILE...]: the image of a folder with a Dockerfile, and extra files beside it.
image_of() {
  local context folder=$1 image=$2
  shift 2
  context=$(mktemp -d)
  cp -r "$folder/." "$context/"
  (($#)) && cp -r "$@" "$context/"
  docker build --quiet --network host --tag "$image" "$context" >/dev/null
  rm -rf "$context"
}
