# shellcheck shell=bash
# Where the scripts of this folder keep what they make, and the names of what they make in libvirt.
# shellcheck disable=SC2034

name=${DARKROOM_VAGRANT_NAME:-dr-vg}
subnet=${DARKROOM_VAGRANT_SUBNET:-192.168.153}
box_link=$project_root/vagrant/.state/box
state=$project_root/vagrant/.state/$name

# vagrant/remove deletes what has this name: never a pool or a folder of somebody else
[[ $name =~ ^dr-[a-z0-9-]{1,20}$ ]] ||
  fail "DARKROOM_VAGRANT_NAME is '$name': it must be 'dr-' and up to 20 small letters, digits and dashes"
