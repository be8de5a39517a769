# shellcheck shell=bash
# A guest on a node: the tiny one of test/guests, under the node's own KVM. Needs machines.sh and report.sh.

own_disk=/var/lib/libvirt/images/first.qcow2

# boot_first NODE: also brings what runs commands in guests.
boot_first() {
  bring "$1" "$("$project_root/test/guests/build-tiny-guest")" "$own_disk"
  bring "$1" "$here/lib/nested.xml" /root/first.xml
  bring_helper "$1"
  on "$1" 'virsh -q define /root/first.xml && virsh -q start first'
}

bring_helper() { bring "$1" "$project_root/scripts/lib/run-in-guest.mjs" /opt/run-in-guest.mjs; }

# identity NODE GUEST: what makes it this machine.
identity() { on "$1" "virsh -q dumpxml --inactive $2 | grep -E '<(name|uuid|mac |memory |source file)' | sed 's/^ *//' | sort"; }

write_data() { in_guest "$1" "$2" "head -c 1000000 /dev/urandom >/root/data; sync; sha256sum /root/data"; }
read_data() { in_guest "$1" "$2" 'sha256sum /root/data'; }
boot_id() { in_guest "$1" "$2" 'cat /proc/sys/kernel/random/boot_id'; }

# capture NODE GUEST IMAGE: while it runs, with its file systems frozen.
capture() {
  local image
  image=$(operator "$1" image create "$2" --name "$3" --json 2>"$state/capture.log") || {
    tail -n 1 "$state/capture.log" >&2
    return 1
  }
  printf '    %s\n' "$(pick "it.consistency.achieved + ', frozen ' + it.consistency.freezeMs + ' ms'" <<<"$image")"
  same quiesced "$(pick it.consistency.achieved <<<"$image")" && is_on_own_disk "$1" "$2"
}

# of the guest that was defined by hand
is_on_own_disk() { on "$1" "virsh -q domblklist $2 | grep -qxE ' *vda +$own_disk *'"; }

# slow_copies NODE RATE: so that there is a middle to hit; 0 takes that back.
slow_copies() {
  on "$1" "sed -i /copy_bandwidth/d /etc/darkroom/darkroom.yaml && echo 'copy_bandwidth: $2' >>/etc/darkroom/darkroom.yaml &&
    systemctl restart darkroom.service"
}

agent_pid() { on "$1" 'systemctl show darkroom.service -p MainPID --value'; }

# wait_for_step NODE OPERATION STEP
wait_for_step() {
  local found
  for _ in $(seq 240); do
    found=$(operator "$1" operation show "$2" --json | pick 'it.step + " " + (it.progress?.done ?? 0)')
    [[ ! $found =~ ^$3\ [1-9] ]] || return 0
    sleep 0.5
  done
  say "    operation $2 is at $found"
  return 1
}

# status_at_end NODE OPERATION: how it ended; nobody asks for it to be put right.
status_at_end() {
  for _ in $(seq 120); do
    operator "$1" operation show "$2" --json 2>/dev/null | pick 'if (it.endedAt === null) process.exit(1); it.status' 2>/dev/null && return 0
    sleep 1
  done
  return 1
}

# instance_on NODE NAME: its state as that node sees it, or `none`.
instance_on() { operator "$1" instance list --json | pick "it.find((one) => one.name === '$2')?.state ?? 'none'"; }

# images_on NODE: names, in order.
images_on() { operator "$1" image list --json | pick "it.map((one) => one.name).sort().join(' ')"; }
