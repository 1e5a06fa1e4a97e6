#!/bin/sh
# Says in a commit status what came of the run; the factory reads it there. DIGEST; without one the run found its key claimed.
#
# STATUS_API         address of the API, with /api/v1
# STATUS_REPOSITORY  owner/name
# STATUS_COMMIT      the commit that the run belongs to, whatever was built
# STATUS_RUN         id of the run
# STATUS_TOKEN       may write to the repository
set -eu

fail() { printf 'image-factory: %s\n' "$*" >&2; exit 1; }

case $STATUS_COMMIT in '' | *[!0-9a-f]*) fail 'STATUS_COMMIT is not a commit' ;; esac
case $STATUS_RUN in '' | *[!0-9]*) fail 'STATUS_RUN is not the id of a run' ;; esac
case $STATUS_REPOSITORY in *[!0-9A-Za-z._/-]*) fail 'STATUS_REPOSITORY is not owner/name' ;; esac
case ${DIGEST-} in
'') text=superseded ;;
sha256:*[!0-9a-f]*) fail 'DIGEST is not a digest' ;;
sha256:*) text=$DIGEST ;;
*) fail 'DIGEST is not a digest' ;;
esac
address=$STATUS_API/repos/$STATUS_REPOSITORY/statuses/$STATUS_COMMIT
body=$(printf '{"state":"success","context":"image-factory/%s","description":"%s"}' "$STATUS_RUN" "$text")
tries=${STATUS_TRIES:-5}
# From a file that is closed to others: arguments can be seen by every process. Telling it twice does no harm.
settings=$(umask 077 && mktemp)
trap 'rm -f "$settings"' EXIT
printf 'header = "Authorization: token %s"\n' "$STATUS_TOKEN" >"$settings"
until curl --config "$settings" --fail --silent --show-error --max-time 30 --output /dev/null \
  --header 'Content-Type: application/json' --data "$body" "$address"; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || fail 'the outcome cannot be told: the factory will not know the digest'
  sleep "${STATUS_PAUSE:-3}"
done
