# shellcheck shell=bash disable=SC2154
# kind's node image: systemd, containerd, kubeadm, kubelet, and Kubernetes' own images
# inside. Sourced by build.sh.

step_node() {
  local node=kindest/node:$KUBERNETES_VERSION
  have_image "$node" && return
  node_binaries
  base_image bookworm # systemd 257, in trixie, no longer starts on a cgroup v1 host
  log "assembling $node"
  node_base
  local images=()
  mapfile -t images < <("$bin/kubeadm" config images list --kubernetes-version "$KUBERNETES_VERSION")
  local image
  for image in "${images[@]}"; do node_component "$image"; done
  scratch_image airgap/local-path-provisioner:1 "$bin/local-path-provisioner" /usr/local/bin/local-path-provisioner
  node_with_images "$node" "${images[@]}" airgap/local-path-provisioner:1 airgap/debian:bookworm
}

node_binaries() {
  install_packages libseccomp-dev pkg-config gcc libc6-dev
  kubernetes kubelet kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubeadm kubectl
  etcd
  build "github.com/coredns/coredns@$COREDNS_VERSION" coredns
  local name
  for name in containerd containerd-shim-runc-v2 ctr; do
    build "github.com/containerd/containerd/v2/cmd/$name@$CONTAINERD_VERSION" "$name"
  done
  for name in main/ptp main/loopback ipam/host-local meta/portmap; do
    build "github.com/containernetworking/plugins/plugins/$name@$CNI_VERSION" "${name##*/}"
  done
  build "github.com/rancher/local-path-provisioner@$LOCAL_PATH_VERSION" local-path-provisioner
  CGO_ENABLED=1 TAGS=seccomp build "github.com/opencontainers/runc@$RUNC_VERSION" runc
  CGO_ENABLED=0 go build -C "$here/pause" -trimpath -buildvcs=false -ldflags "-s -w" -o "$bin/pause" .
}

# node_base: airgap/node-base, the node without images, on kind's own base files.
node_base() {
  local context name
  context=$(mktemp -d)
  cp -r "$(module_dir "sigs.k8s.io/kind@$KIND_VERSION")/images/base/files" "$context/files"
  chmod -R u+w "$context/files"
  cp "$here/node/containerd.toml" "$context/files/etc/containerd/config.toml"
  mkdir -p "$context/files/kind/manifests" "$context/files/etc/cni/net.d" "$context/bin" "$context/cni"
  cp "$here/node/10-eventflow.conflist" "$context/files/etc/cni/net.d/"
  cp "$here/node/default-storage.yaml" "$context/files/kind/manifests/"
  printf %s "$KUBERNETES_VERSION" >"$context/files/kind/version"
  for name in containerd containerd-shim-runc-v2 ctr runc kubeadm kubelet kubectl; do cp "$bin/$name" "$context/bin/"; done
  for name in ptp loopback host-local portmap; do cp "$bin/$name" "$context/cni/"; done
  cp "$here/node/Dockerfile" "$context/"
  build_image airgap/node-base "$context"
  rm -r "$context"
}

# node_component IMAGE: one of the images that kubeadm names.
node_component() {
  local name=${1##*/}
  name=${name%:*}
  case $name in
    kube-proxy) have_image "$1" || image_of "$here/node/kube-proxy" "$1" "$bin/kube-proxy" ;;
    coredns | pause) scratch_image "$1" "$bin/$name" "/$name" ;;
    *) scratch_image "$1" "$bin/$name" "/usr/local/bin/$name" ;;
  esac
}

# node_with_images NODE IMAGE...: imports the images into a node's containerd and keeps the result.
node_with_images() {
  local node=$1 image tries
  shift
  docker rm --force airgap-node >/dev/null 2>&1 || true
  docker run --detach --name airgap-node --privileged --entrypoint sleep airgap/node-base infinity >/dev/null
  docker exec --detach airgap-node containerd
  for ((tries = 0; tries < 40; tries++)); do
    docker exec airgap-node ctr version >/dev/null 2>&1 && break
    sleep 0.5
  done
  for image in "$@"; do
    docker save "$image" | quietly docker exec -i airgap-node ctr --namespace k8s.io images import --all-platforms --no-unpack --digests -
  done
  docker exec airgap-node sh -c 'pkill containerd; while pgrep -x containerd >/dev/null; do sleep 0.1; done'
  docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]' airgap-node "$node" >/dev/null
  docker rm --force airgap-node >/dev/null
}
