# shellcheck shell=bash disable=SC2154
# Go programs from the module proxy. Sourced by build.sh.

module_dir() { (cd / && go mod download -json "$1") | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'; }

# current NAME VERSION: whether the program is there, in this version.
current() { [[ -x $bin/$1 && $(cat "$bin/.versions/$1" 2>/dev/null) == "$2" ]]; }

# keep_version NAME VERSION: what current asks for later.
keep_version() {
  mkdir -p "$bin/.versions"
  echo "$2" >"$bin/.versions/$1"
}

# build PACKAGE@VERSION NAME: a main package whose module has no replace directives.
# CGO_ENABLED and TAGS may be set by the caller.
build() {
  current "$2" "${1#*@}" && return
  log "building $2 ${1#*@}"
  local scratch
  scratch=$(mktemp -d)
  (cd / && GOBIN=$scratch CGO_ENABLED=${CGO_ENABLED:-0} go install -trimpath -ldflags "-s -w" ${TAGS:+-tags "$TAGS"} "$1")
  mv "$scratch"/* "$bin/$2"
  rmdir "$scratch"
  keep_version "$2" "${1#*@}"
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
    cat "$source/go.sum" >go.sum # not cp: the module cache is read-only
    go mod tidy -e >/dev/null 2>&1
    cat "$source/go.sum" >>go.sum # sums that a checksum database may no longer serve
    touch complete
  )
}

# wrapped NAME VERSION PACKAGE OUTPUT [LDFLAGS]: a program of a wrapper's module.
wrapped() {
  current "$4" "$2" && return
  log "building $4 $2"
  (cd "$EVENTFLOW_CACHE/modules/$1-$2" && CGO_ENABLED=0 go build -mod=mod -trimpath -ldflags "-s -w ${5:-}" -o "$bin/$4" "$3")
  keep_version "$4" "$2"
}

# kubernetes NAME...: programs of Kubernetes itself.
kubernetes() {
  local missing=() name
  for name in "$@"; do current "$name" "$KUBERNETES_VERSION" || missing+=("$name"); done
  ((${#missing[@]})) || return 0
  wrapper kubernetes k8s.io/kubernetes "$KUBERNETES_VERSION" \
    k8s.io/kubernetes/cmd/{kubeadm,kubelet,kubectl,kube-apiserver,kube-controller-manager,kube-scheduler,kube-proxy}
  local stamp="-X k8s.io/component-base/version.gitVersion=$KUBERNETES_VERSION"
  stamp+=" -X k8s.io/component-base/version.gitMajor=1"
  stamp+=" -X k8s.io/component-base/version.gitMinor=$(cut -d. -f2 <<<"$KUBERNETES_VERSION")"
  for name in "${missing[@]}"; do
    wrapped kubernetes "$KUBERNETES_VERSION" "k8s.io/kubernetes/cmd/$name" "$name" "$stamp"
  done
}

etcd() {
  current etcd "$ETCD_VERSION" && return
  wrapper etcd go.etcd.io/etcd/server/v3 "$ETCD_VERSION" go.etcd.io/etcd/server/v3
  wrapped etcd "$ETCD_VERSION" go.etcd.io/etcd/server/v3 etcd
}

step_envtest() {
  etcd
  kubernetes kube-apiserver kubectl
}
