# shellcheck shell=bash
# The machines of the Vagrantfile: commands on them, and in the guests that run on them. Needs common.sh, settings.sh.

export VAGRANT_CWD=$project_root/vagrant VAGRANT_DEFAULT_PROVIDER=libvirt VAGRANT_CHECKPOINT_DISABLE=1 VAGRANT_NO_COLOR=1
# what Vagrant itself keeps of another set of machines
[ "$name" = dr-vg ] || export VAGRANT_DOTFILE_PATH=$state/vagrant
ssh_config=$state/ssh-config
vagrant_log=$state/vagrant.log

# run_vagrant ARGUMENTS...: its words go to a file, and are shown where it fails.
run_vagrant() {
  printf '\n$ vagrant %s\n' "$*" >>"$vagrant_log"
  vagrant "$@" >>"$vagrant_log" 2>&1 </dev/null || fail "vagrant $* failed: $(tr '\r' '\n' <"$vagrant_log" | grep -v 'Progress:' | tail -n 15)"
}

# learn_addresses MACHINE...: ssh by itself is much faster than vagrant ssh.
learn_addresses() {
  vagrant ssh-config "$@" >"$ssh_config.part" </dev/null
  printf 'Host *\n  ControlMaster auto\n  ControlPath %s/ssh-%%h\n  ControlPersist 60\n' "$state" >>"$ssh_config.part"
  mv "$ssh_config.part" "$ssh_config"
}

# on MACHINE COMMAND: a command line, as root.
on() { ssh -n -q -F "$ssh_config" "$1" "sudo bash -c $(printf '%q' "set -euo pipefail; $2")"; }

# bring MACHINE FILE PATH
bring() { ssh -q -F "$ssh_config" "$1" "sudo install -D -m 644 /dev/stdin '$3'" <"$2"; }

# in_guest MACHINE GUEST COMMAND: by its agent.
in_guest() { on "$1" "/usr/lib/darkroom/node /opt/run-in-guest.mjs qemu:///system $2 $(printf '%q' "$3")"; }

# wait_for_nested MACHINE GUEST [SECONDS]: until its agent answers.
wait_for_nested() {
  on "$1" "for _ in \$(seq ${3:-400}); do
    ! virsh -q qemu-agent-command --timeout 5 $2 '{\"execute\":\"guest-ping\"}' >/dev/null 2>&1 || exit 0
    sleep 1
  done
  exit 1"
}

# operator MACHINE ARGUMENTS...: darkroom from here, with the operator's certificate.
operator() {
  local machine=$1
  shift
  env -u DARKROOM_HOST node "$project_root/dist/cli/main.js" --config "$state/operator/darkroom.yaml" --host "$machine" "$@"
}

# pick EXPRESSION: of the JSON on standard input, which is `it`.
pick() { node -p "const it = JSON.parse(require('node:fs').readFileSync(0, 'utf8')); $1"; }

# cut_power MACHINE: as if its plug was pulled.
cut_power() {
  virsh -q -c "$libvirt_uri" destroy "$name-$1" >/dev/null
  close_connections
}

# remove_machines: all of them, with the pool, the networks, and what was made for them; the log stays.
remove_machines() {
  local volume network
  close_connections
  run_vagrant destroy -f
  for volume in $(virsh -q -c "$libvirt_uri" vol-list "$name" 2>/dev/null | awk '{ print $1 }'); do
    virsh -q -c "$libvirt_uri" vol-delete --pool "$name" "$volume" >/dev/null
  done
  virsh -q -c "$libvirt_uri" pool-destroy "$name" >/dev/null 2>&1 || true
  virsh -q -c "$libvirt_uri" pool-undefine "$name" >/dev/null 2>&1 || true
  for network in "$name-net" "$name-ssh"; do
    virsh -q -c "$libvirt_uri" net-destroy "$network" >/dev/null 2>&1 || true
    virsh -q -c "$libvirt_uri" net-undefine "$network" >/dev/null 2>&1 || true
  done
  rm -rf "/var/lib/libvirt/images/${name:?}" "$ssh_config" "$state"/{share,tls,operator}
}

# To who is gone: whoever comes next has the same address.
close_connections() {
  local connection
  for connection in "$state"/ssh-*; do
    [ ! -S "$connection" ] || ssh -q -o ControlPath="$connection" -O exit machine 2>/dev/null || rm -f "$connection"
  done
}
