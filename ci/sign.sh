#!/bin/sh
# Signs what was pushed, every platform of it: BUILD_IMAGE and DIGEST.
#
# SIGN   keyless: with the identity that the CI system gives this job; key: with COSIGN_PRIVATE_KEY and COSIGN_PASSWORD; none
set -eu

fail() { printf 'image-factory: %s\n' "$*" >&2; exit 1; }

case $DIGEST in sha256:*[!0-9a-f]* | sha256:) fail 'DIGEST is not a digest' ;; sha256:*) ;; *) fail 'DIGEST is not a digest' ;; esac
case ${SIGN:-keyless} in
none) exit 0 ;;
keyless) set -- ;;
key)
  [ -n "${COSIGN_PRIVATE_KEY-}" ] || fail 'COSIGN_PRIVATE_KEY is not set'
  set -- --key env://COSIGN_PRIVATE_KEY
  ;;
*) fail "SIGN is $SIGN, expected keyless, key or none" ;;
esac
if ! command -v cosign >/dev/null 2>&1 && command -v apk >/dev/null 2>&1; then apk add --no-cache --quiet cosign; fi
command -v cosign >/dev/null 2>&1 || fail 'there is no cosign on PATH'
# By digest: a tag could have moved on.
cosign sign --yes --recursive "$@" "$BUILD_IMAGE@$DIGEST"
