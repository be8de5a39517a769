# shellcheck shell=bash
# What killed test runs leave on a host. All names are dr-test-<pid>-<random>, pid being the run's: those of running
# processes other than the caller's are let alone.

images_folder=/var/lib/libvirt/images

remove_test_leftovers() {
  local uri=qemu:///system name
  end_stray_machines
  for name in $(virsh -q -c "$uri" list --all --name 2>/dev/null | filter_leftovers); do
    virsh -q -c "$uri" destroy "$name" >/dev/null 2>&1 || true
    virsh -q -c "$uri" undefine "$name" --managed-save --snapshots-metadata --checkpoints-metadata --nvram --tpm >/dev/null 2>&1 || true
    say "removed domain $name, left by a test"
  done
  for name in $(virsh -q -c "$uri" net-list --all --name 2>/dev/null | filter_leftovers); do
    virsh -q -c "$uri" net-destroy "$name" >/dev/null 2>&1 || true
    virsh -q -c "$uri" net-undefine "$name" >/dev/null 2>&1 || true
  done
  end_stray_guests
  end_stray_engines
  for name in $(find "$images_folder" -maxdepth 1 -name 'dr-test-*' -printf '%f\n' 2>/dev/null | filter_leftovers); do
    remove_folder "$images_folder/$name"
  done
}

# Containers of scripts/nspawn: whoever boots one dies with all that is in it when its init does.
end_stray_machines() {
  local launcher name
  { pgrep -a systemd-nspawn || true; } | sed -n 's/^\([0-9]*\) .*--machine=\(dr-test-[0-9a-z-]*\).*/\1 \2/p' | while read -r launcher name; do
    [ -n "$(filter_leftovers <<<"$name")" ] || continue
    pkill -KILL -P "$launcher" || true
    say "ended the container $name, left by a test"
  done
}

# Guests whose daemon, a second one, died with its test.
end_stray_guests() {
  local pid name
  { pgrep -a qemu-system || true; } | sed -n 's/^\([0-9]*\) .*guest=\(dr-test-[0-9a-z-]*\).*/\1 \2/p' | while read -r pid name; do
    [ -z "$(filter_leftovers <<<"$name")" ] || kill -KILL "$pid" || true
  done
}

# Services of scripts/engines, and what was still starting them: their command lines name their folders.
end_stray_engines() {
  local pid name
  { pgrep -af '^(ceph-mon|ceph-osd|radosgw) |/(glance-api|keystone-wsgi-public|(glance|keystone)-manage|engines/(ceph|glance|keystone)) ' || true; } |
    sed -n 's/^\([0-9]*\) .*\/\(dr-test-[0-9a-z-]*\)\([ /].*\)*$/\1 \2/p' | while read -r pid name; do
    [ -n "$(filter_leftovers <<<"$name")" ] || continue
    kill -KILL "$pid" 2>/dev/null || true
    say "ended process $pid in $name, left by a test"
  done
}

filter_leftovers() {
  local name pid
  while read -r name; do
    [[ $name =~ ^dr-test-([0-9]+)- ]] || continue
    pid=${BASH_REMATCH[1]}
    if [ "$pid" = "$$" ] || [ ! -e "/proc/$pid" ]; then printf '%s\n' "$name"; fi
  done
}

remove_folder() {
  local folder=$1 mount_point device
  while read -r mount_point; do
    umount -l "$mount_point"
  done < <(awk -v prefix="$folder/" 'index($2, prefix) == 1 { print $2 }' /proc/mounts)
  while read -r device; do
    losetup --detach "$device"
  done < <(losetup --list --noheadings --output NAME,BACK-FILE | awk -v prefix="$folder/" 'index($2, prefix) == 1 { print $1 }')
  rm -rf "$folder"
}
