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
  binutils systemd-container util-linux-extra
)
# shellcheck disable=SC2034
# what snapshots are measured against
bench_packages=(virtnbdbackup awscli)
# shellcheck disable=SC2034
# for the services of scripts/engines
engine_packages=(ceph-mon ceph-osd radosgw ceph-common glance-api keystone curl)
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

# install_engines PACKAGE...: their services are not started by this, nor by the next boot: scripts/engines runs them with
# settings of its own. What they ask at installation is about those services, so nobody has to answer.
install_engines() {
  local missing
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086
  without_starting_services install_packages $missing
  if has systemctl; then
    systemctl --quiet disable ceph.target glance-api keystone 2>/dev/null || true
  fi
}

# Debian's own way to say so; what is there already says it as well, or wants it otherwise.
without_starting_services() {
  local policy=/usr/sbin/policy-rc.d result=0
  if [ -e "$policy" ]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 0755 "$policy"
  ("$@") || result=$?
  rm -f "$policy"
  return "$result"
}

missing_packages() {
  local package installed
  installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii *//p' || true)
  for package in "$@"; do
    grep -qxF "$package" <<<"$installed" || printf '%s ' "$package"
  done
}
