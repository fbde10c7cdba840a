# shellcheck shell=bash disable=SC2154
# Images without a registry to start from. Sourced by build.sh.

have_image() { docker image inspect "$1" >/dev/null 2>&1; }

# quietly COMMAND...: shows what the command prints only where it fails: Docker and
# containerd warn of much that is so on purpose.
quietly() {
  local output=$EVENTFLOW_CACHE/build.log
  "$@" >"$output" 2>&1 || { cat "$output" >&2 && return 1; }
}

# build_image TAG CONTEXT [OPTION...]
build_image() {
  local tag=$1 context=$2
  shift 2
  quietly docker build --network host --tag "$tag" "$@" "$context"
}

# base_image SUITE: airgap/debian:SUITE. What is installed on top of it comes without
# manuals and translations, and leaves no package behind: each image is copied into the
# cluster, which takes as long as it is large.
base_image() {
  have_image "airgap/debian:$1" && return
  install_packages mmdebstrap
  log "making airgap/debian:$1"
  local tar=$EVENTFLOW_CACHE/$1.tar path options=()
  for path in doc man info locale i18n/locales lintian; do options+=(--dpkgopt="path-exclude=/usr/share/$path/*"); done
  # Not as apt's options: mmdebstrap needs its packages until the end. It sets $1.
  # shellcheck disable=SC2016
  options+=(--customize-hook='cp "'"$here"'/debian-apt.conf" "$1/etc/apt/apt.conf.d/clean" && rm -f "$1"/var/cache/apt/*.bin')
  mmdebstrap --quiet --variant=minbase --include=ca-certificates "${options[@]}" "$1" "$tar"
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
