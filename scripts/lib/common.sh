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
has() { command -v "$1" >/dev/null 2>&1; }

# Milliseconds since the epoch.
now_ms() { printf '%s\n' "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

# Seconds with one decimal since START_MS.
seconds_since() {
  local elapsed=$(($(now_ms) - $1))
  printf '%d.%d' $((elapsed / 1000)) $((elapsed % 1000 / 100))
}

# take_lock FILE: waits for the lock and holds it until this (sub)shell ends.
take_lock() {
  mkdir -p "$(dirname "$1")"
  exec {lock_fd}>"$1"
  flock "$lock_fd"
}
