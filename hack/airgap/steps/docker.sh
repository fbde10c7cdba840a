# shellcheck shell=bash disable=SC2154
# A Docker Engine on Debian. Sourced by build.sh.

docker_answers() { docker info >/dev/null 2>&1; }

# Without CAP_SYS_RESOURCE in the bounding set (bit 24) runc can neither grant it to a
# privileged container nor lower an OOM score; a thin runtime takes both out of the request.
reduced_runtime() {
  local bounding
  bounding=$(sed -n 's/^CapBnd:\s*//p' /proc/self/status)
  (((0x$bounding >> 24 & 1) == 0)) || return 0
  [[ -f /etc/docker/daemon.json ]] && return
  log "no CAP_SYS_RESOURCE here: registering the reduced OCI runtime"
  mkdir -p /etc/docker
  install -m 0755 "$here/oci-runtime" /usr/local/bin/eventflow-oci-runtime
  printf '{"runtimes":{"reduced":{"path":"/usr/local/bin/eventflow-oci-runtime"}},"default-runtime":"reduced"}\n' >/etc/docker/daemon.json
}

step_docker() {
  docker_answers && return
  if ! command -v dockerd >/dev/null; then
    [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null || {
      echo "Docker is missing: install it, or run this as root on Debian" >&2
      exit 1
    }
    log "installing Docker Engine"
    install_packages docker.io iptables iproute2
    docker_answers && return
  fi
  reduced_runtime
  log "starting dockerd"
  setsid nohup dockerd >"$EVENTFLOW_CACHE/dockerd.log" 2>&1 </dev/null &
  local tries
  for ((tries = 0; tries < 60; tries++)); do
    docker_answers && return
    sleep 0.5
  done
  tail -n 5 "$EVENTFLOW_CACHE/dockerd.log" >&2
  exit 1
}
