# shellcheck shell=bash disable=SC2154
# Images without a registry to start from. Sourced by build.sh.

have_image() { docker image inspect "$1" >/dev/null 2>&1; }

# build_image TAG CONTEXT [OPTION...]: docker build, without its notes on the old builder.
build_image() {
  local tag=$1 context=$2
  shift 2
  docker build --quiet --network host --tag "$tag" "$@" "$context" >/dev/null 2>"$EVENTFLOW_CACHE/build.log" ||
    { cat "$EVENTFLOW_CACHE/build.log" >&2 && return 1; }
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
  build_image "$1" "$context"
  rm -r "$context"
}

# source_of FOLDER: a word that changes when a file in the folder does.
source_of() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-16); }

# is_made_of FOLDER IMAGE: whether the image is there, made of the folder as it is now.
is_made_of() {
  [[ $(docker image inspect --format '{{index .Config.Labels "dev.eventflow.source"}}' "$2" 2>/dev/null) == "$(source_of "$1")" ]]
}

# image_of FOLDER IMAGE [FILE...]: the image of a folder with a Dockerfile, and extra files beside it.
image_of() {
  local context folder=$1 image=$2
  shift 2
  context=$(mktemp -d)
  cp -r "$folder/." "$@" "$context/"
  build_image "$image" "$context" --label "dev.eventflow.source=$(source_of "$folder")"
  rm -rf "$context"
}
