# shellcheck shell=bash
# Puts programs and kernel modules into a folder that becomes a guest's file system.

# add_busybox ROOT: busybox with links for its applets, in /bin and /sbin.
add_busybox() {
  local root=$1 applet
  cp "$(command -v busybox)" "$root/bin/busybox"
  for applet in $(busybox --list-full); do
    [ "${applet##*/}" != busybox ] || continue
    mkdir -p "$root/$(dirname "$applet")"
    [ -e "$root/$applet" ] || ln -s /bin/busybox "$root/$applet"
  done
}

# add_binary FILE ROOT PATH: a program of this host with the libraries it is linked with.
add_binary() {
  local file=$1 root=$2 library
  rm -f "$root$3"
  install -D -m 755 "$file" "$root$3"
  ldd "$file" | grep -o '/[^ ]*' | while read -r library; do
    [ -e "$root$library" ] || install -D -m 755 "$library" "$root$library"
  done
}

# add_modules KERNEL ROOT NAME...: modules of an unpacked kernel package with what they need.
add_modules() {
  local tree root=$2 version name file line
  version=$(ls "$1/lib/modules")
  tree=$1/lib/modules/$version
  shift 2
  for name in "$@"; do
    line=$(grep -E "(^|/)${name//_/[-_]}\.ko:" "$tree/modules.dep") || fail "no kernel module $name"
    for file in ${line/:/}; do
      [ -e "$root/lib/modules/$version/$file" ] || install -D -m 644 "$tree/$file" "$root/lib/modules/$version/$file"
    done
  done
  busybox depmod -b "$root" "$version"
}
