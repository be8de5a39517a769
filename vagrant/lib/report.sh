# shellcheck shell=bash
# What a run did, line by line with times, and a summary at its end.

report_started=$(now_ms)
checks_passed=0
checks_failed=0

step() { printf '\n== %s  [%s s]\n' "$*" "$(seconds_since "$report_started")"; }

# check TITLE COMMAND...: a failed one ends the run: what comes next builds on it.
check() {
  local title=$1 started
  started=$(now_ms)
  shift
  if ("$@"); then
    checks_passed=$((checks_passed + 1))
    printf '  ok      %6s s  %s\n' "$(seconds_since "$started")" "$title"
  else
    checks_failed=$((checks_failed + 1))
    printf '  FAILED  %6s s  %s\n' "$(seconds_since "$started")" "$title"
    exit 1
  fi
}

# says WANTED COMMAND...: what the command prints is this and no more.
says() {
  local wanted=$1 found
  shift
  found=$("$@") || return 1
  same "$wanted" "$found"
}

# soon COMMAND...: it succeeds within ten seconds. What one host writes to a shared folder another sees a moment later.
soon() {
  local attempt said
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    said=$("$@" 2>&1) && break
    [ "$attempt" -lt 10 ] || {
      printf '%s\n' "$said"
      return 1
    }
    sleep 1
  done
}

# same WANTED FOUND
same() {
  [ "$1" = "$2" ] || {
    say "    expected: $1" && say "    found:    $2"
    return 1
  }
}

summary() {
  printf '\ne2e: %d checks passed, %d failed, in %s s\n' "$checks_passed" "$checks_failed" "$(seconds_since "$report_started")"
}
