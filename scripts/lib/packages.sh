# shellcheck shell=bash
# Debian packages: only the missing ones are installed, and nothing else is touched.

# for Darkroom itself
runtime_packages=(
  qemu-system-x86 qemu-utils libvirt-daemon-system libvirt-clients ovmf swtpm swtpm-tools dnsmasq-base iptables
  genisoimage xfsprogs openssh-client libguestfs-tools util-linux procps qemu-system-common mount fdisk
)
# for building test guests, and the Debian package with the host that it is tried on
guest_packages=(
  busybox-static kmod extlinux e2fsprogs dosfstools mtools mmdebstrap debian-archive-keyring xz-utils
  binutils systemd-container
)
# shellcheck disable=SC2034
# what snapshots are measured against
bench_packages=(virtnbdbackup)
# shellcheck disable=SC2034
# for the virtual hosts of vagrant/, and building the box that they are made of
vagrant_packages=(
  vagrant vagrant-libvirt libvirt-daemon-system libvirt-clients dnsmasq-base iptables qemu-system-x86 qemu-utils mmdebstrap
  debian-archive-keyring extlinux e2fsprogs openssh-client openssl rsync
)

install_packages() {
  local missing
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  say "installing Debian packages:" $missing
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  # shellcheck disable=SC2086
  apt-get -qq install --no-install-recommends $missing >&2
}

missing_packages() {
  local package installed
  installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii *//p' || true)
  for package in "$@"; do
    grep -qxF "$package" <<<"$installed" || printf '%s ' "$package"
  done
}
