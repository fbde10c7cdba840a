# shellcheck shell=bash disable=SC2154
# A Docker Engine on Debian. Sourced by build.sh.

docker_answers() { docker info >/dev/null 2>&1; }

has_systemd() { [[ -d /run/systemd/system ]]; }

# Without CAP_SYS_RESOURCE in the bounding set (bit 24) runc can neither grant it to a
# privileged container nor lower an OOM score; a thin runtime takes both out of the request.
lacks_sys_resource() {
  local bounding
  bounding=$(sed -n 's/^CapBnd:\s*//p' /proc/self/status)
  (((0x$bounding >> 24 & 1) == 0))
}

# Docker's own settings are left alone where there are any.
register_runtime() {
  [[ -f /etc/docker/daemon.json ]] && return
  log "no CAP_SYS_RESOURCE here: registering the reduced OCI runtime"
  CGO_ENABLED=0 go build -C "$here/oci-runtime" -trimpath -buildvcs=false -o /usr/local/bin/eventflow-oci-runtime .
  mkdir -p /etc/docker
  printf '{"runtimes":{"reduced":{"path":"/usr/local/bin/eventflow-oci-runtime"}},"default-runtime":"reduced"}\n' >/etc/docker/daemon.json
}

step_docker() {
  docker_answers && return
  can_install || fail "Docker does not answer: install it, start it, or join the group docker (as root on Debian it is done for you)"
  # Before the package starts its service, which then finds the runtime.
  if lacks_sys_resource; then register_runtime; fi
  if ! command -v dockerd >/dev/null; then
    log "installing Docker Engine"
    install_packages docker.io iptables iproute2
  fi
  log "starting dockerd"
  if has_systemd; then systemctl start docker; else start_dockerd; fi
  wait_for_docker
}

# own_dockerd: the process of the dockerd that start_dockerd left running, if there is one.
own_dockerd() {
  local pid
  pid=$(cat "$EVENTFLOW_CACHE/dockerd.pid" 2>/dev/null) || return 0
  [[ $(ps -o comm= -p "$pid") != dockerd ]] || echo "$pid"
}

# After a restart of the machine the number in the file may be some other process's.
start_dockerd() {
  [[ -n $(own_dockerd) ]] || rm -f "$EVENTFLOW_CACHE/dockerd.pid"
  setsid nohup dockerd --pidfile "$EVENTFLOW_CACHE/dockerd.pid" >"$EVENTFLOW_CACHE/dockerd.log" 2>&1 </dev/null &
}

wait_for_docker() {
  local tries
  for ((tries = 0; tries < 60; tries++)); do
    docker_answers && return
    sleep 0.5
  done
  [[ ! -f $EVENTFLOW_CACHE/dockerd.log ]] || tail -n 5 "$EVENTFLOW_CACHE/dockerd.log" >&2
  fail "Docker does not answer"
}

# step_stop ends only a dockerd that step_docker started.
step_stop() {
  local pid tries
  pid=$(own_dockerd)
  [[ -n $pid ]] || return 0
  kill "$pid"
  for ((tries = 0; tries < 60; tries++)); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.5
  done
  fail "dockerd (process $pid) does not end"
}
