# shellcheck shell=bash
# Shared by the scripts of this folder and of test/guests: messages, times, locks.

shopt -s inherit_errexit
# shellcheck disable=SC2034
project_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "error: $*"
  exit 1
}
# fail_usage SYNOPSIS: what was asked for is not what the script takes.
fail_usage() {
  say "usage: $*"
  exit 2
}
has() { command -v "$1" >/dev/null 2>&1; }

# A dead process may stay in the table until its parent looks.
is_alive() { [ -e "/proc/$1" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }

# wait_for_end PID SECONDS: whether it ended within that time.
wait_for_end() {
  local deadline=$((SECONDS + $2))
  while is_alive "$1"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.05
  done
}

# Milliseconds since the epoch.
now_ms() { printf '%s\n' "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

# Seconds with one decimal since START_MS.
seconds_since() {
  local elapsed=$(($(now_ms) - $1))
  printf '%d.%d' $((elapsed / 1000)) $((elapsed % 1000 / 100))
}

# with_lock FILE COMMAND...: one at a time across processes. The command runs without the lock's descriptor, which a
# daemon started by it would keep for ever.
with_lock() {
  local file=$1 lock_fd
  shift
  mkdir -p "$(dirname "$file")"
  (
    exec {lock_fd}>"$file"
    flock "$lock_fd"
    eval '"$@"' "$lock_fd>&-"
  )
}
