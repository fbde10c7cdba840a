#!/usr/bin/env bash
# Makes a kind cluster with a box office in it, step by step. Run again, it changes
# nothing that is right.
#
#   up.sh    with CLUSTER, HTTP_PORT, IMAGES (auto, pull, build) and the versions of
#            hack/versions.env from the environment
set -euo pipefail
# shellcheck source=cluster.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/cluster.sh"

main() {
  preflight
  printf 'EventFlow in kind cluster "%s"\n' "$CLUSTER"
  step "Docker Engine" ensure_docker
  choose_images
  step "Images ($IMAGES)" ensure_images
  step "Tools" ensure_tools
  step "Cluster" ensure_cluster
  step "EventFlow's image" build_eventflow
  step "Images into the cluster" load_images
  step "ingress-nginx" install_ingress
  step "Operator (helm install)" install_operator
  step "Box office (kubectl apply)" install_box_office
  step "Box office is Ready" wait_until_ready
  step "It answers at $url" wait_until_served
  farewell
}

preflight() {
  [[ $IMAGES =~ ^(auto|pull|build)$ ]] || fail "IMAGES=$IMAGES: it is auto, pull or build"
  command -v go >/dev/null || fail "Go is missing: install Go 1.26 or newer"
  if ! command -v dockerd >/dev/null && ! docker info >/dev/null 2>&1; then
    [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null || fail "Docker is missing: install Docker Engine, or run this as root on Debian"
  fi
  if port_taken "$HTTP_PORT" && ! docker port "$node" 80/tcp 2>/dev/null | grep -q ":$HTTP_PORT$"; then
    local other=8081
    while port_taken "$other"; do other=$((other + 1)); done
    fail "port $HTTP_PORT is taken: make up HTTP_PORT=$other"
  fi
}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

ensure_docker() {
  "$root/hack/airgap/build.sh" docker
  summary "$(docker version --format '{{.Server.Version}}')"
}

# choose_images settles IMAGES=auto: a registry that does not answer soon does not answer.
choose_images() {
  [[ $IMAGES == auto ]] || return 0
  if docker image inspect "kindest/node:$KUBERNETES_VERSION" airgap/postgres:17 >/dev/null 2>&1; then
    IMAGES=build
  elif timeout 30 docker pull --quiet "$REDIS_IMAGE" >/dev/null 2>&1; then
    IMAGES=pull
  else
    IMAGES=build
  fi
}

# images sets the names of the node's, the controller's and the stores' images.
images() {
  node_image=kindest/node:$KUBERNETES_VERSION
  if [[ $IMAGES == build ]]; then
    ingress_image=registry.k8s.io/ingress-nginx/controller:airgap
    postgres_image=airgap/postgres:17 redis_image=airgap/redis:8 rabbitmq_image=airgap/rabbitmq:4
  else
    ingress_image=registry.k8s.io/ingress-nginx/controller:$INGRESS_NGINX_VERSION
    postgres_image=$POSTGRES_IMAGE redis_image=$REDIS_IMAGE rabbitmq_image=$RABBITMQ_IMAGE
  fi
  store_images=("$postgres_image" "$redis_image" "$rabbitmq_image")
}

ensure_images() {
  images
  if [[ $IMAGES == build ]]; then
    "$root/hack/airgap/build.sh" all
  else
    local image
    for image in "$node_image" "$ingress_image" "${store_images[@]}"; do
      docker image inspect "$image" >/dev/null 2>&1 || docker pull --quiet "$image"
    done
  fi
  summary "$node_image ${store_images[*]}"
}

ensure_tools() {
  mkdir -p "$EVENTFLOW_CACHE/bin"
  ln -sf "$("$root/hack/tools/install.sh" kind)" "$kind"
  "$root/hack/tools/install.sh" helm
  if [[ ! -x $kubectl ]]; then # where it was not built, the node image has one
    local container
    container=$(docker create "kindest/node:$KUBERNETES_VERSION")
    docker cp "$container:/usr/bin/kubectl" "$kubectl"
    docker rm "$container"
  fi
  summary "kind $KIND_VERSION, helm $HELM_VERSION, kubectl $KUBERNETES_VERSION"
}

ensure_cluster() {
  images
  mkdir -p "$root/.kube"
  if docker inspect "$node" >/dev/null 2>&1; then
    cluster_runs || docker start "$node"
    "$kind" export kubeconfig --name "$CLUSTER" --kubeconfig "$KUBECONFIG"
    "$kubectl" wait node "$node" --for=condition=Ready --timeout=120s
    summary "was there"
    return
  fi
  local config static_cni=false
  [[ $IMAGES == build ]] && static_cni=true
  config=$(mktemp)
  sed "s#\${STATIC_CNI}#$static_cni#; s#\${NODE_IMAGE}#$node_image#; s#\${HTTP_PORT}#$HTTP_PORT#" "$root/hack/kind/cluster.yaml.in" >"$config"
  "$kind" create cluster --name "$CLUSTER" --config "$config" --kubeconfig "$KUBECONFIG" --wait 120s
  rm "$config"
  summary "$node_image"
}

build_eventflow() {
  make -C "$root" --no-print-directory image
  summary "$(eventflow_image)"
}

# eventflow_image names EventFlow's image by its content, so that only a change rolls out.
eventflow_image() {
  local id
  id=$(docker image inspect --format '{{.Id}}' eventflow:dev)
  echo "eventflow:dev-${id:7:12}"
}

# load_images brings images into the cluster's node that are not there in this version.
load_images() {
  images
  local image id missing=() loaded
  docker tag eventflow:dev "$(eventflow_image)"
  loaded=$(docker exec "$node" sh -c 'cat /kind/eventflow-images 2>/dev/null || true')
  for image in "$ingress_image" "${store_images[@]}" "$(eventflow_image)"; do
    id=$(docker image inspect --format '{{.Id}}' "$image")
    grep -qxF "$image $id" <<<"$loaded" || missing+=("$image")
  done
  if ((${#missing[@]})); then
    docker save "${missing[@]}" | docker exec -i "$node" ctr --namespace k8s.io images import --all-platforms --digests --snapshotter overlayfs -
    for image in "${missing[@]}"; do
      docker exec "$node" sh -c "echo '$image $(docker image inspect --format '{{.Id}}' "$image")' >>/kind/eventflow-images"
    done
  fi
  summary "${missing[*]:-all were there}"
}

install_ingress() {
  images
  sed "s#\${INGRESS_NGINX_IMAGE}#$ingress_image#" "$root/hack/kind/ingress-nginx.yaml" | "$kubectl" apply --server-side -f -
  "$kubectl" -n ingress-nginx rollout status deployment/ingress-nginx-controller --timeout=180s
  summary "$ingress_image"
}

install_operator() {
  images
  local image helm
  image=$(eventflow_image)
  helm=$("$root/hack/tools/install.sh" helm)
  "$helm" upgrade --install eventflow "$root/charts/eventflow" --namespace eventflow-system --create-namespace \
    --set "image.repository=${image%:*}" --set "image.tag=${image##*:}" \
    --set "relatedImages.postgres=$postgres_image" --set "relatedImages.redis=$redis_image" --set "relatedImages.rabbitmq=$rabbitmq_image" \
    --wait --timeout 180s
  summary "$image"
}

install_box_office() {
  "$kubectl" apply -f "$root/config/samples/eventflow.yaml"
}

wait_until_ready() {
  if ! "$kubectl" -n "$NAMESPACE" wait eventflow/boxoffice --for=condition=Ready --timeout=300s; then
    "$kubectl" -n "$NAMESPACE" get eventflow boxoffice -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\n"}{end}'
    "$kubectl" -n "$NAMESPACE" get pods -o wide
    "$kubectl" -n "$NAMESPACE" get events --sort-by=.lastTimestamp | tail -n 15
    return 1
  fi
}

wait_until_served() {
  local tries
  for ((tries = 0; tries < 120; tries++)); do
    curl --silent --fail --max-time 2 --output /dev/null "$url/events" && return
    sleep 0.5
  done
  echo "$url/events does not answer; what the ingress says:"
  "$kubectl" -n ingress-nginx logs deployment/ingress-nginx-controller --tail=20
  return 1
}

farewell() {
  cat <<END

The box office is open at $url/ ($((SECONDS - started_at)) s in all).

  use kubectl         export KUBECONFIG=$KUBECONFIG
                      (kubectl itself is $kubectl)
  buy a ticket        curl -si $url/purchase -H 'Content-Type: application/json' \\
                        -d '{"event_id":"aurora","tier":"general","quantity":2,"email":"ada@example.com"}'
  see what is left    curl -s $url/events/aurora
  start an outage     kubectl apply -f config/samples/chaos.yaml
  watch it            kubectl -n $NAMESPACE get eventflow,chaos,pods --watch
  take it all down    make down
END
}

main
