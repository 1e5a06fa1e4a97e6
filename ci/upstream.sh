#!/bin/sh
# Fetches the source that is built where it is not this repository, and applies this repository's patches to it.
# Writes source=FOLDER to OUTPUT_FILE: what Dockerfile and context are relative to.
#
# UPSTREAM_REPOSITORY  https address; empty: the source is this repository
# UPSTREAM_REF         a tag, branch or commit; a commit is the only one that stays what it is
# UPSTREAM_PATCHES     folder of this repository with *.patch files, applied in the order of their names
# UPSTREAM_FOLDER      where it is put
set -eu

say() { printf 'image-factory: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

if [ -z "${UPSTREAM_REPOSITORY-}" ]; then
  [ -z "${UPSTREAM_PATCHES-}" ] || fail 'patches are for an upstream repository, and none is named'
  printf 'source=.\n' >>"$OUTPUT_FILE"
  exit 0
fi
case $UPSTREAM_REPOSITORY in
https://* | file:///* | http://127.0.0.1:*) ;;
*) fail 'the upstream repository is not an https address' ;;
esac
case ${UPSTREAM_REF-} in
'' | -* | *[!0-9A-Za-z._/-]*) fail 'the upstream ref is not a tag, branch or commit' ;;
esac
folder=${UPSTREAM_FOLDER:-upstream-source}
[ ! -e "$folder" ] || fail "$folder is there already"
export GIT_TERMINAL_PROMPT=0
git init --quiet "$folder"
git -C "$folder" fetch --quiet --depth 1 "$UPSTREAM_REPOSITORY" "$UPSTREAM_REF" || fail "$UPSTREAM_REF cannot be fetched"
git -C "$folder" -c advice.detachedHead=false checkout --quiet FETCH_HEAD
say "upstream is $(git -C "$folder" rev-parse HEAD)"

if [ -n "${UPSTREAM_PATCHES-}" ]; then
  case /$UPSTREAM_PATCHES/ in */../*) fail 'the folder of the patches leads out of the repository' ;; esac
  [ -d "$UPSTREAM_PATCHES" ] || fail "there is no folder $UPSTREAM_PATCHES with patches"
  patches=$(cd "$UPSTREAM_PATCHES" && pwd)
  count=0
  LC_ALL=C
  for patch in "$patches"/*.patch; do
    [ -f "$patch" ] || continue
    git -C "$folder" apply --index -- "$patch" || fail "${patch##*/} does not fit upstream any more"
    count=$((count + 1))
  done
  [ "$count" -gt 0 ] || fail "$UPSTREAM_PATCHES has no *.patch file"
  say "$count patches applied"
fi
printf 'source=%s\n' "$folder" >>"$OUTPUT_FILE"
