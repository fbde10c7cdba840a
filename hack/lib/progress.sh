# shellcheck shell=bash
# What the scripts say to a person. To be sourced.

# log TEXT: what is being done now; inside a step it becomes a line of its own.
log() { printf '==> %s\n' "$*" >&2; }

# summary TEXT: what a step's line says behind its time.
summary() { printf 'summary: %s\n' "$*"; }

# fail TEXT: ends with one line that says what to do.
fail() {
  printf 'eventflow: %s\n' "$*" >&2
  exit 1
}

# step TITLE COMMAND...: runs the command and shows its title, what it logs, and its
# seconds; where it fails, the end of what it printed.
step() {
  local title=$1 begin=$SECONDS output status
  shift
  output=$(mktemp)
  printf '  %-34s' "$title"
  # Not in a condition: the command has to keep "set -e".
  set +e
  (
    set -e
    "$@"
  ) 2>&1 | keep "$output" "$begin"
  status=${PIPESTATUS[0]}
  set -e
  # What was logged has taken the title's line.
  if grep -q '^==> ' "$output"; then printf '  %-34s' "$title"; fi
  if ((status == 0)); then
    printf '%6d s  %s\n' $((SECONDS - begin)) "$(sed -n 's/^summary: //p' "$output" | tail -n 1)"
    rm -f "$output"
    return
  fi
  printf '  FAILED after %d s\n\n' $((SECONDS - begin))
  grep -v '^summary: ' "$output" | tail -n 40 >&2
  printf '\nThe whole output is in %s\n' "$output" >&2
  exit 1
}

# keep FILE BEGIN: copies what it reads to the file, and shows what was logged.
keep() {
  local line logged=false
  while IFS= read -r line || [[ -n $line ]]; do
    printf '%s\n' "$line" >>"$1"
    [[ $line == '==> '* ]] || continue
    $logged || printf '\n'
    logged=true
    printf '  %40d s    %s\n' $((SECONDS - $2)) "${line#==> }"
  done
}
