# shellcheck shell=bash
# What is built once and kept: Debian packages unpacked as files, kernels, guest images.

cache_root=${DARKROOM_TEST_CACHE:-/var/cache/darkroom-test}

# kernel_package: the package that Debian's cloud kernel stands for now; nothing when apt knows it not.
kernel_package() {
  apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '$1 == "Depends:" { print $2; exit }'
}

# fetch_package NAME: unpacks a Debian package, without installing it, and prints the folder. The version is chosen
# once and kept, so that a warm cache needs no network.
fetch_package() {
  local folder=$cache_root/packages/$1
  [ -e "$folder/VERSION" ] || with_lock "$cache_root/locks/$1" unpack_package "$1" "$folder" >&2
  printf '%s\n' "$folder"
}

unpack_package() {
  local package=$1 folder=$2 work
  # another process may have been faster
  [ ! -e "$folder/VERSION" ] || return 0
  apt-cache show "$package" >/dev/null 2>&1 || apt-get update -qq
  [ "$package" != linux-image-cloud-amd64 ] || package=$(kernel_package)
  mkdir -p "$(dirname "$folder")"
  work=$(mktemp -d "$folder.XXXXXX")
  chmod 755 "$work"
  (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$package")
  dpkg-deb -x "$work"/*.deb "$work"
  dpkg-deb -f "$work"/*.deb Version >"$work/VERSION"
  rm "$work"/*.deb
  [ ! -d "$work/lib/modules" ] || depmod -b "$work" "$(ls "$work/lib/modules")"
  rm -rf "$folder"
  mv "$work" "$folder"
}

# hash_of PATH...: one short hash over the contents of files and folders, and over what comes from stdin.
hash_of() {
  { cat && find "$@" -type f -print0 | sort -z | xargs -0 cat; } | sha256sum | cut -c1-16
}

# versions_of PACKAGE...: of installed packages, one line each.
versions_of() { dpkg-query -W "$@"; }

# cached NAME KEY COMMAND...: prints the path of the build of NAME with this KEY. Where it is missing, COMMAND is run
# with the path to write as its last argument; builds with other keys are removed.
cached() {
  local result=$cache_root/guests/$1-$2
  [ -e "$result" ] || with_lock "$cache_root/locks/guest-$1" build_cached "$1" "$result" "${@:3}" >&2
  printf '%s\n' "$result"
}

build_cached() {
  local name=$1 result=$2 started work
  shift 2
  [ ! -e "$result" ] || return 0
  started=$(now_ms)
  mkdir -p "$cache_root/guests"
  chmod 755 "$cache_root" "$cache_root/guests"
  rm -rf "$cache_root/guests/.$name".*
  work=$(mktemp -d "$cache_root/guests/.$name.XXXXXX")
  "$@" "$work/result"
  chmod 444 "$work/result"
  find "$cache_root/guests" -maxdepth 1 -regextype posix-extended -regex ".*/$name-[0-9a-f]{16}" -delete
  mv "$work/result" "$result"
  rm -rf "$work"
  say "built $name in $(seconds_since "$started") s ($(du -h "$result" | cut -f1))"
}

# deliver CACHED [OUT]: copies a build to OUT, or prints its path in the cache.
deliver() {
  if [ -z "${2:-}" ]; then
    printf '%s\n' "$1"
    return
  fi
  cp --reflink=auto --no-preserve=mode "$1" "$2.part"
  mv "$2.part" "$2"
}

# use_cached_kernel: virt-sysprep takes its helper system's kernel from /boot; containers have none there.
use_cached_kernel() {
  local kernel
  ! ls /boot/vmlinuz-* >/dev/null 2>&1 || return 0
  kernel=$(fetch_package linux-image-cloud-amd64)
  # supermin wants to see the folder even when it takes its modules elsewhere
  mkdir -p /lib/modules
  SUPERMIN_KERNEL=$(echo "$kernel"/boot/vmlinuz-*)
  SUPERMIN_MODULES=$(echo "$kernel"/lib/modules/*)
  export SUPERMIN_KERNEL SUPERMIN_MODULES
}
