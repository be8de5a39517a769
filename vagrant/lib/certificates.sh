# shellcheck shell=bash
# A certificate authority of these machines, and what it signs, by openssl. For tries: the authority's key lies beside them.

tls=$state/tls
new_key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

make_authority() {
  [ ! -e "$tls/ca.crt" ] || return 0
  install -d -m 700 "$state" "$tls"
  openssl req -x509 "${new_key[@]}" -keyout "$tls/ca.key" -out "$tls/ca.part" -days 365 -subj '/CN=Darkroom on Vagrant' 2>/dev/null
  mv "$tls/ca.part" "$tls/ca.crt"
}

# make_certificate NAME USAGE [ALTERNATIVE_NAMES]
make_certificate() {
  local base=$tls/$1 extensions
  extensions="extendedKeyUsage=$2"$'\n'${3:+subjectAltName=$3$'\n'}
  # other addresses need another certificate
  if [ -e "$base.crt" ] && [ "$(cat "$base.ext")" = "${extensions%$'\n'}" ]; then return 0; fi
  printf '%s' "$extensions" >"$base.ext"
  openssl req "${new_key[@]}" -keyout "$base.key" -out "$base.csr" -subj "/CN=$1" 2>/dev/null
  openssl x509 -req -in "$base.csr" -CA "$tls/ca.crt" -CAkey "$tls/ca.key" -CAcreateserial -days 365 \
    -extfile "$base.ext" -out "$base.part" 2>/dev/null
  mv "$base.part" "$base.crt"
}
