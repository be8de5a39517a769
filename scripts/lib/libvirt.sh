# shellcheck shell=bash
# The libvirt daemon: started where no systemd does it.

libvirt_uri=qemu:///system

libvirt_answers() { timeout 10 virsh -q -c "$libvirt_uri" version >/dev/null 2>&1; }

start_libvirt() {
  libvirt_answers && return
  if [ -d /run/systemd/system ]; then
    systemctl start libvirtd
  else
    mkdir -p /run/libvirt
    is_running virtlogd || virtlogd -d
    # a command alone: a shell that waited for it in the background would hold the caller's lock for ever
    if ! is_running libvirtd; then
      # shellcheck disable=SC2154
      setsid "$project_root/scripts/lib/reap-orphans" --stay libvirtd -d </dev/null >/dev/null 2>&1 &
    fi
  fi
  for _ in $(seq 100); do
    libvirt_answers && return
    sleep 0.2
  done
  fail "libvirt does not answer at $libvirt_uri; see 'virsh -c $libvirt_uri version' and /var/log/libvirt"
}

# is_running DAEMON: its pid file names a process of that name.
is_running() {
  local pid
  pid=$(cat "/run/$1.pid" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ]
}
