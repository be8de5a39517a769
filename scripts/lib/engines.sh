# shellcheck shell=bash
# Daemons of scripts/engines: foreground processes without a service manager. Each belongs to a folder that its command
# line names; its pid lies there in run/NAME.pid, what it prints in NAME.out. Whoever sources this sets
# $folder and $default_port.
# shellcheck disable=SC2154

# spawn NAME COMMAND...: becomes a process of its own session, so that no terminal's signal reaches it.
spawn() {
  local name=$1
  shift
  mkdir -p "$folder/run"
  setsid "$@" >>"$folder/$name.out" 2>&1 </dev/null &
  printf '%s\n' $! >"$folder/run/$name.pid"
}

# The pid of a daemon that runs; a number that another process got since does not count.
pid_of() {
  local pid
  pid=$(cat "$folder/run/$1.pid" 2>/dev/null) || return 1
  is_alive "$pid" && grep -zqF -- "$folder/" "/proc/$pid/cmdline" 2>/dev/null || return 1
  printf '%s\n' "$pid"
}

runs() { pid_of "$1" >/dev/null; }

# signal NAME SIGNAL: a daemon that does not run is let alone.
signal() {
  local pid
  pid=$(pid_of "$1") || return 0
  kill "-$2" "$pid" 2>/dev/null || true
}

# end NAME [SIGNAL]: TERM, and KILL where that did not do within ten seconds.
end() {
  local pid
  if pid=$(pid_of "$1"); then
    kill "-${2:-TERM}" "$pid" 2>/dev/null || true
    # one that was stopped sees no other signal
    kill -CONT "$pid" 2>/dev/null || true
    wait_for_end "$pid" 10 || kill -KILL "$pid" 2>/dev/null || true
    wait_for_end "$pid" 5 || fail "process $pid ($1 of $folder) does not end"
  fi
  rm -f "$folder/run/$1.pid"
}

# await NAME SECONDS COMMAND...: until the command says yes; ends with the daemon's last words where it died.
await() {
  local name=$1 deadline=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    runs "$name" || fail "$name of $folder ended: $(last_words "$name")"
    [ "$SECONDS" -lt "$deadline" ] || fail "$name of $folder does not answer: $(last_words "$name")"
    sleep 0.05
  done
}

last_words() { tail -q -n 8 "$folder/$1.out" "$folder"/*"$1"*.log 2>/dev/null || true; }

# answers URL: with any status that is no failure.
answers() { curl -fsS -o /dev/null --max-time 5 "$1"; }

# port_or_free PORT: where it is 0, one that nobody listens at; below those that the kernel gives to connections, of which one
# could have it by the time that a service starts, or starts again.
port_or_free() {
  if [ "$1" != 0 ]; then
    printf '%s\n' "$1"
  else
    # Debian's, which the engines come with
    /usr/bin/python3 - <<'END'
import random, socket
while True:
    port = random.randrange(20000, 30000)
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) != 0:
            print(port)
            break
END
  fi
}

# keep_port PORT: clients keep the address, so one that starts again has the port that it had, unless told.
keep_port() {
  local port=$1
  [ -n "$port" ] || port=$(kept_port 2>/dev/null) || port=$default_port
  port_or_free "$port" >"$folder/port"
}

kept_port() { cat "$folder/port" 2>/dev/null || fail "nothing was started in $folder yet"; }

# with_wal FILE: an SQLite database in which those who write need not wait for those who read; otherwise services of
# OpenStack answer 500 for a cursor of their own that they left open.
with_wal() {
  /usr/bin/python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("PRAGMA journal_mode=WAL")' "$1"
}

require_programs() {
  local program
  for program in "$@"; do
    has "$program" || fail "$program is missing: run scripts/install-host --engines"
  done
}
