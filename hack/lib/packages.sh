# shellcheck shell=bash
# Tools of the operating system: installed on Debian as root, named elsewhere. To be
# sourced after progress.sh.

can_install() { [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; }

# install_packages PACKAGE...: makes sure that Debian packages are there.
install_packages() {
  dpkg -s "$@" >/dev/null 2>&1 && return
  can_install || fail "missing: $* (install it, or run this as root on Debian)"
  apt-get -o DPkg::Lock::Timeout=300 update >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" >/dev/null
}

# require COMMAND [PACKAGE]: makes sure that a command is there.
require() { command -v "$1" >/dev/null || install_packages "${2:-$1}"; }
