# shellcheck shell=bash disable=SC2154
# Go programs from the module proxy. Sourced by build.sh.

log() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }

module_dir() { (cd / && go mod download -json "$1") | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'; }

# build PACKAGE@VERSION NAME: a main package whose module has no replace directives.
# CGO_ENABLED and TAGS may be set by the caller.
build() {
  [[ -x $bin/$2 ]] && return
  log "building $2 ($1)"
  local made scratch
  scratch=$(mktemp -d)
  (cd / && GOBIN=$scratch CGO_ENABLED=${CGO_ENABLED:-0} go install -trimpath -ldflags "-s -w" ${TAGS:+-tags "$TAGS"} "$1")
  made=$(ls "$scratch")
  mv "$scratch/$made" "$bin/$2"
  rmdir "$scratch"
}

# wrapper NAME MODULE VERSION PACKAGE...: a scratch module that requires MODULE, for
# the modules whose own replace directives make "go install" refuse them.
wrapper() {
  local dir=$EVENTFLOW_CACHE/modules/$1-$3 module=$2 version=$3
  shift 3
  [[ -f $dir/complete ]] && return
  rm -rf "$dir"
  mkdir -p "$dir"
  (
    cd "$dir" || exit 1
    printf 'module airgap\n\ngo 1.26.0\n' >go.mod
    {
      printf '//go:build tools\n\npackage tools\n\nimport (\n'
      printf '\t_ "%s"\n' "$@"
      printf ')\n'
    } >tools.go
    local source
    source=$(module_dir "$module@$version")
    go mod edit -require "$module@$version"
    # Kubernetes replaces its staging modules by folders; name their published versions instead.
    sed -n 's#^\s*\(k8s.io/[a-z-]*\) => ./staging/.*#\1#p' "$source/go.mod" | while read -r staging; do
      go mod edit -replace "$staging=$staging@v0.${version#v1.}"
    done
    cp "$source/go.sum" go.sum
    go mod tidy -e >/dev/null 2>&1
    cat "$source/go.sum" >>go.sum # sums that a checksum database may no longer serve
    touch complete
  )
}

# wrapped NAME-VERSION PACKAGE OUTPUT [LDFLAGS]: a program of a wrapper's module.
wrapped() {
  [[ -x $bin/$3 ]] && return
  log "building $3"
  (cd "$EVENTFLOW_CACHE/modules/$1" && CGO_ENABLED=0 go build -mod=mod -trimpath -ldflags "-s -w ${4:-}" -o "$bin/$3" "$2")
}

# kubernetes NAME...: programs of Kubernetes itself.
kubernetes() {
  local missing=() name
  for name in "$@"; do [[ -x $bin/$name ]] || missing+=("$name"); done
  ((${#missing[@]})) || return 0
  wrapper kubernetes k8s.io/kubernetes "$KUBERNETES_VERSION" \
    k8s.io/kubernetes/cmd/{kubeadm,kubelet,kubectl,kube-apiserver,kube-controller-manager,kube-scheduler,kube-proxy}
  local stamp="-X k8s.io/component-base/version.gitVersion=$KUBERNETES_VERSION"
  stamp+=" -X k8s.io/component-base/version.gitMajor=1"
  stamp+=" -X k8s.io/component-base/version.gitMinor=$(cut -d. -f2 <<<"$KUBERNETES_VERSION")"
  for name in "${missing[@]}"; do
    wrapped "kubernetes-$KUBERNETES_VERSION" "k8s.io/kubernetes/cmd/$name" "$name" "$stamp"
  done
}

etcd() {
  [[ -x $bin/etcd ]] && return
  wrapper etcd go.etcd.io/etcd/server/v3 "$ETCD_VERSION" go.etcd.io/etcd/server/v3
  wrapped "etcd-$ETCD_VERSION" go.etcd.io/etcd/server/v3 etcd
}

step_envtest() {
  etcd
  kubernetes kube-apiserver kubectl
}
