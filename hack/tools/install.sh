#!/usr/bin/env bash
# Installs a tool at the version of hack/versions.env into the cache and prints its
# path; does nothing more where it is there already.
#
#   install.sh kind | helm | controller-gen | kustomize | golangci-lint
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../versions.env
source "$here/../versions.env"

case ${1:-} in
  kind) package=sigs.k8s.io/kind version=$KIND_VERSION ;;
  helm) package=helm.sh/helm/v4/cmd/helm version=$HELM_VERSION ;;
  controller-gen) package=sigs.k8s.io/controller-tools/cmd/controller-gen version=$CONTROLLER_GEN_VERSION ;;
  kustomize) package=sigs.k8s.io/kustomize/kustomize/v5 version=$KUSTOMIZE_VERSION ;;
  golangci-lint) package=github.com/golangci/golangci-lint/v2/cmd/golangci-lint version=$GOLANGCI_LINT_VERSION ;;
  *)
    sed -n '2,5s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac

tool=$EVENTFLOW_CACHE/tools/$1-$version
if [[ ! -x $tool ]]; then
  printf '==> installing %s %s\n' "$1" "$version" >&2
  build=$(mktemp -d)
  trap 'rm -rf "$build"' EXIT
  # Outside any module, so that the project's go.mod has no say.
  (cd "$build" && GOBIN=$build CGO_ENABLED=0 GOFLAGS='' go install "$package@$version") >&2
  mkdir -p "${tool%/*}"
  mv "$build/$1" "$tool"
fi
echo "$tool"
