# shellcheck shell=bash
# A small Linux guest to try things on, and commands inside it by its agent.

# define_guest NAME DISK FOLDER: a domain on a qcow2 disk, with guest agent, its serial log in FOLDER. Emulated, so that
# it runs where /dev/kvm is missing or too limited for Linux.
define_guest() {
  local name=$1 disk=$2 folder=$3
  cat >"$folder/$name.xml" <<XML
<domain type='qemu'>
  <name>$name</name>
  <memory unit='MiB'>256</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/></features>
  <cpu mode='maximum'/>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='$disk'/><target dev='vda' bus='virtio'/>
    </disk>
    <serial type='file'><source path='$folder/$name.log'/></serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
</domain>
XML
  virsh -q -c "$libvirt_uri" define "$folder/$name.xml"
}

# wait_for_guest NAME [SECONDS]: until the agent answers.
wait_for_guest() {
  local deadline=$((SECONDS + ${2:-180}))
  until virsh -q -c "$libvirt_uri" qemu-agent-command --timeout 5 "$1" '{"execute":"guest-ping"}' >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || fail "the agent of $1 does not answer; see virsh console $1"
    sleep 0.2
  done
}

# run_in_guest NAME COMMAND: prints what a shell command writes inside.
run_in_guest() { node "$project_root/scripts/lib/run-in-guest.mjs" "$libvirt_uri" "$1" "$2"; }

# remove_guest NAME FOLDER: removes a domain that has its disks in FOLDER; another of that name is let alone.
remove_guest() {
  local xml
  xml=$(virsh -q -c "$libvirt_uri" dumpxml --inactive "$1" 2>/dev/null) || return 0
  grep -qF "$2/" <<<"$xml" || fail "there is a domain $1 that is not ours: rename or undefine it first"
  virsh -q -c "$libvirt_uri" destroy "$1" >/dev/null 2>&1 || true
  virsh -q -c "$libvirt_uri" undefine "$1" --managed-save --nvram >/dev/null
}
