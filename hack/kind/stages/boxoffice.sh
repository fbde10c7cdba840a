# shellcheck shell=bash disable=SC2154
# EventFlow in the cluster: the operator by Helm, the sample box office by kubectl.
# Sourced by up.sh.

ready_timeout=300 # seconds that a box office has to become Ready

install_operator() {
  use_chosen_images
  local image
  image=$(eventflow_image)
  # A release that was interrupted while it was being installed cannot be upgraded.
  if "$helm" list --namespace eventflow-system --pending --short | grep -qx eventflow; then
    "$helm" uninstall eventflow --namespace eventflow-system --wait
  fi
  "$helm" upgrade --install eventflow "$root/charts/eventflow" --namespace eventflow-system --create-namespace \
    --set "image.repository=${image%:*}" --set "image.tag=${image##*:}" \
    --set "relatedImages.postgres=$postgres_image" \
    --set "relatedImages.redis=$redis_image" \
    --set "relatedImages.rabbitmq=$rabbitmq_image" \
    --history-max 3 --wait --timeout 180s
  summary "$image"
}

install_box_office() {
  "$kubectl" apply -f "$root/config/samples/eventflow.yaml"
  summary "eventflow/boxoffice in namespace $NAMESPACE"
}

conditions() {
  "$kubectl" -n "$NAMESPACE" get eventflow boxoffice \
    -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\n"}{end}'
}

# wait_until_ready shows what the box office waits for, whenever that changes.
wait_until_ready() {
  local shown='' now deadline=$((SECONDS + ready_timeout))
  until "$kubectl" -n "$NAMESPACE" wait eventflow/boxoffice --for=condition=Ready --timeout=3s >/dev/null 2>&1; do
    if ((SECONDS > deadline)); then
      why_not_ready
      return 1
    fi
    now=$(conditions | sed -n 's/^Ready=[A-Za-z]* //p')
    if [[ -n $now && $now != "$shown" ]]; then log "$now"; fi
    shown=$now
  done
  wait_for_rollout
  summary "$("$kubectl" -n "$NAMESPACE" get pods --no-headers | wc -l) pods"
}

# wait_for_rollout: a box office stays Ready while its services change over to a new image.
wait_for_rollout() {
  local image name
  image=$(eventflow_image)
  for name in purchase consumer analytics; do
    "$kubectl" -n "$NAMESPACE" wait "deployment/boxoffice-$name" --timeout=60s \
      --for="jsonpath={.spec.template.spec.containers[0].image}=$image"
    "$kubectl" -n "$NAMESPACE" rollout status "deployment/boxoffice-$name" --timeout=180s
  done
}

why_not_ready() {
  printf 'not Ready within %s s\n\n' "$ready_timeout"
  conditions
  echo
  "$kubectl" -n "$NAMESPACE" get pods -o wide
  echo
  "$kubectl" -n "$NAMESPACE" get events --sort-by=.lastTimestamp | tail -n 15
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
