# shellcheck shell=bash
# Node.js, the packages of package-lock.json and the build in dist/: each made anew only when older than its sources.

require_node() {
  local found
  has node || fail "Node.js is missing. Darkroom needs 20.19 or later; Debian 12 has 18: install Node 20 from https://nodejs.org/en/download or NodeSource"
  has npm || fail "npm is missing; it comes with Node.js of https://nodejs.org/en/download"
  found=$(node --version)
  node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' ||
    fail "Node.js $found is too old: Darkroom needs 20.19 or later (https://nodejs.org/en/download)"
}

install_node_modules() {
  [ "$project_root/package-lock.json" -nt "$project_root/node_modules/.package-lock.json" ] || return 0
  say 'installing npm packages'
  (cd "$project_root" && npm ci --no-audit --no-fund --loglevel=error >&2)
  touch "$project_root/node_modules/.package-lock.json"
}

build_darkroom() {
  local entry=$project_root/dist/cli/main.js
  if [ -e "$entry" ] && [ -z "$(find "$project_root/src" "$project_root/tsconfig.json" "$project_root/package-lock.json" -newer "$entry" -print -quit)" ]; then
    return
  fi
  say 'building'
  # the compiler writes files even when it finds errors: such a build is none
  (cd "$project_root" && npm run --silent build >&2) || {
    rm -f "$entry"
    fail 'the build failed'
  }
}
