# shellcheck shell=bash disable=SC2154
# The cluster, the images in it, and its ingress. Sourced by up.sh.

ensure_cluster() {
  use_chosen_images
  mkdir -p "${KUBECONFIG%/*}"
  if cluster_exists; then
    cluster_runs || docker start "$node"
    "$kind" export kubeconfig --name "$CLUSTER" --kubeconfig "$KUBECONFIG"
    wait_for_node
    summary "was there"
    return
  fi
  local config static_cni=false
  [[ $(<"$chosen_images") == pull ]] || static_cni=true
  config=$(mktemp)
  sed -e "s#\${STATIC_CNI}#$static_cni#" -e "s#\${NODE_IMAGE}#$node_image#" -e "s#\${HTTP_PORT}#$HTTP_PORT#" \
    "$root/hack/kind/cluster.yaml.in" >"$config"
  "$kind" create cluster --name "$CLUSTER" --config "$config" --kubeconfig "$KUBECONFIG"
  rm "$config"
  wait_for_node
  summary "${node_image%@*}"
}

# A node that has just been started answers for a while with what it last knew, or not at all.
wait_for_node() {
  local tries
  for ((tries = 0; tries < 60; tries++)); do
    "$kubectl" --request-timeout=5s wait node "$node" --for=condition=Ready --timeout=5s && return
    sleep 1
  done
  return 1
}

# load_images brings into the cluster's node what is not there, or there as another version.
load_images() {
  use_chosen_images
  local image missing=()
  docker tag eventflow:dev "$(eventflow_image)"
  local there
  there=$(docker exec "$node" sh -c 'ctr --namespace k8s.io images list --quiet; cat /kind/eventflow-images 2>/dev/null || true')
  for image in "$ingress_image" "${store_images[@]}" "$(eventflow_image)"; do
    is_loaded "$image" "$there" || missing+=("$image")
  done
  if ((${#missing[@]})); then
    import_images "${missing[@]}"
    for image in "${missing[@]}"; do note_loaded "$image"; done
  fi
  summary "${missing[*]:-all were there}"
}

image_id() { docker image inspect --format '{{.Id}}' "$1"; }

# is_loaded IMAGE THERE: whether the node has the image, and had it from this very version.
is_loaded() { grep -qE "(^|/)${1//./\\.}\$" <<<"$2" && grep -qxF "loaded $1 $(image_id "$1")" <<<"$2"; }

note_loaded() {
  docker exec "$node" sh -c 'f=/kind/eventflow-images; touch $f; grep -vF "loaded $0 " $f >$f.new || true; echo "loaded $0 $1" >>$f.new; mv $f.new $f' \
    "$1" "$(image_id "$1")"
}

# A Docker with containerd's image store saves an index of all platforms, of which it has
# one only; where it can be told so, it saves just that one.
import_images() {
  local save=() import=(--all-platforms)
  if docker save --help | grep -q -- --platform; then
    save=(--platform "$(docker version --format '{{.Server.Os}}/{{.Server.Arch}}')") import=()
  fi
  docker save "${save[@]}" "$@" |
    docker exec -i "$node" ctr --namespace k8s.io images import "${import[@]}" --digests --snapshotter overlayfs -
}

install_ingress() {
  use_chosen_images
  sed "s#\${INGRESS_NGINX_IMAGE}#$ingress_image#" "$root/hack/kind/ingress-nginx.yaml" |
    "$kubectl" apply --server-side --force-conflicts --field-manager eventflow-up -f -
  "$kubectl" -n ingress-nginx rollout status deployment/ingress-nginx-controller --timeout=180s
  summary "$ingress_image"
}
