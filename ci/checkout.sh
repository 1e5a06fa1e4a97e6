#!/bin/sh
# Checks one commit of the repository out into this folder, without leaving a credential behind.
#
# CHECKOUT_REMOTE, CHECKOUT_COMMIT; CHECKOUT_USER and CHECKOUT_TOKEN where the remote needs them
set -eu

fail() { printf 'image-factory: %s\n' "$*" >&2; exit 1; }

case ${CHECKOUT_COMMIT-} in '' | *[!0-9a-f]*) fail 'CHECKOUT_COMMIT is not a commit' ;; esac
export GIT_TERMINAL_PROMPT=0
if [ -n "${CHECKOUT_TOKEN-}" ]; then
  GIT_CONFIG_KEY_0="http.$CHECKOUT_REMOTE.extraHeader"
  GIT_CONFIG_VALUE_0="Authorization: Basic $(printf '%s:%s' "${CHECKOUT_USER:-x-access-token}" "$CHECKOUT_TOKEN" | base64 | tr -d '\n')"
  GIT_CONFIG_COUNT=1
  export GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0
fi
format=sha1
[ "${#CHECKOUT_COMMIT}" -ne 64 ] || format=sha256
git init --quiet --object-format=$format .
tries=${CHECKOUT_TRIES:-3}
until git fetch --quiet --depth 1 "$CHECKOUT_REMOTE" "$CHECKOUT_COMMIT"; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || fail "commit $CHECKOUT_COMMIT cannot be fetched"
  sleep "${CHECKOUT_PAUSE:-5}"
done
git -c advice.detachedHead=false checkout --quiet --force FETCH_HEAD
