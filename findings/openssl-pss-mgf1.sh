#!/usr/bin/env bash
# Shows that an RSASSA-PSS key that OpenSSL makes for SHA-256 fits no JWS algorithm: without
# rsa_pss_keygen_mgf1_md its parameters name no MGF1 hash, whose DER default is SHA-1 (RFC 4055
# section 3.1), so the key refuses the MGF1 with SHA-256 of PS256 (RFC 7518 section 3.5). A key with
# both options signs PS256.
#
# Observed with OpenSSL 3.0.19 (Debian 12). Runs the installed openssl, or the one that OPENSSL names.
# Exit status: 0 if confirmed, 1 if OpenSSL behaves differently, 2 if it cannot be run.
set -euo pipefail
openssl=${OPENSSL:-openssl}
command -v "$openssl" >/dev/null || { echo "'$openssl' is missing: sudo apt-get install openssl" >&2; exit 2; }
"$openssl" version
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

make_key() { # file, options
  local file=$1
  shift
  "$openssl" genpkey -quiet -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 "$@" -out "$file" 2>log ||
    "$openssl" genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 "$@" -out "$file" 2>log ||
    { cat log >&2; exit 2; }
  "$openssl" pkey -in "$file" -noout -text 2>/dev/null | grep -E 'Hash Algorithm|Mask Algorithm' || true
}
signs_ps256() {
  printf message | "$openssl" dgst -sha256 -sign "$1" -sigopt rsa_padding_mode:pss \
    -sigopt rsa_mgf1_md:sha256 -sigopt rsa_pss_saltlen:32 >/dev/null 2>log
}

echo "with rsa_pss_keygen_md:sha256 alone:"
make_key hash.pem -pkeyopt rsa_pss_keygen_md:sha256
if signs_ps256 hash.pem; then
  echo "  signs PS256: not as observed" >&2
  exit 1
fi
echo "  refuses PS256"
echo "with rsa_pss_keygen_mgf1_md:sha256 too:"
make_key both.pem -pkeyopt rsa_pss_keygen_md:sha256 -pkeyopt rsa_pss_keygen_mgf1_md:sha256
signs_ps256 both.pem || { echo "  refuses PS256: not as observed" >&2; exit 1; }
echo "  signs PS256"
