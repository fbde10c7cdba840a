# shellcheck shell=bash disable=SC2034
# Progress on a terminal: each step's name when it begins, its seconds when it ends.
# To be sourced.

started_at=$SECONDS

# step TITLE COMMAND...: runs the command; where it fails, shows the end of what it printed.
step() {
  local title=$1 begin=$SECONDS log status=0
  shift
  log=$(mktemp)
  printf '  %-46s' "$title"
  # Not in a condition: the command has to keep "set -e".
  set +e
  ( set -e; "$@" ) >"$log" 2>&1
  status=$?
  set -e
  if ((status == 0)); then
    printf '%5d s   %s\n' $((SECONDS - begin)) "$(sed -n 's/^summary: //p' "$log" | tail -n 1)"
    rm -f "$log"
    return 0
  fi
  printf ' FAILED after %d s\n\n' $((SECONDS - begin))
  tail -n 40 "$log" >&2
  printf '\nThe whole output is in %s\n' "$log" >&2
  exit 1
}

# summary TEXT: what a step's line says behind its time.
summary() { printf 'summary: %s\n' "$*"; }

# fail TEXT: ends with one line that says what to do.
fail() {
  printf 'eventflow: %s\n' "$*" >&2
  exit 1
}
