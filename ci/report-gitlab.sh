#!/bin/sh
# Writes image-factory.json, the artifact in which the factory reads what came of a pipeline. DIGEST; without one the run
# found its key claimed.
set -eu

fail() { printf 'image-factory: %s\n' "$*" >&2; exit 1; }

case ${FACTORY_KEY-} in *[!0-9A-Za-z-]*) fail 'FACTORY_KEY is not a build key' ;; esac
case ${FACTORY_ATTEMPT:-1} in *[!0-9]*) fail 'FACTORY_ATTEMPT is not a number' ;; esac
case ${DIGEST-} in
'') end='"superseded":true' ;;
sha256:*[!0-9a-f]*) fail 'DIGEST is not a digest' ;;
sha256:*) end="\"digest\":\"$DIGEST\"" ;;
*) fail 'DIGEST is not a digest' ;;
esac
printf '{"key":"%s","attempt":%s,%s}\n' "${FACTORY_KEY-}" "${FACTORY_ATTEMPT:-1}" "$end" >"${REPORT_FILE:-image-factory.json}"
