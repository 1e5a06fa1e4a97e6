#!/bin/sh
# Fetches the source that is built where it is not this repository, and applies this repository's patches to it.
# Writes to OUTPUT_FILE: source=FOLDER, what Dockerfile and context are relative to; url and commit of what is built.
#
# UPSTREAM_REPOSITORY  https address; empty: the source is this repository
# UPSTREAM_REF         a tag, branch or commit; a commit is the only one that stays what it is
# UPSTREAM_COMMIT_OF   upstream: FACTORY_COMMIT is a commit of upstream, and is built in place of UPSTREAM_REF
# UPSTREAM_PATCHES     patches of this repository, one a line, applied in this order; or a folder with *.patch files, applied in
#                      the order of their names
# UPSTREAM_FOLDER      where it is put
# SOURCE_URL, SOURCE_COMMIT   this repository, and the commit of it that is checked out
set -eu

say() { printf 'image-factory: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
answer() { printf 'source=%s\nurl=%s\ncommit=%s\n' "$1" "$2" "$3" >>"$OUTPUT_FILE"; }

if [ -z "${UPSTREAM_REPOSITORY-}" ]; then
  [ -z "${UPSTREAM_PATCHES-}" ] || fail 'patches are for an upstream repository, and none is named'
  answer . "${SOURCE_URL-}" "${SOURCE_COMMIT-}"
  exit 0
fi
case $UPSTREAM_REPOSITORY in
*[[:space:]]*) fail 'the upstream repository is not an https address' ;;
https://* | file:///* | http://127.0.0.1:*) ;;
*) fail 'the upstream repository is not an https address' ;;
esac
ref=${UPSTREAM_REF-}
if [ "${UPSTREAM_COMMIT_OF-}" = upstream ] && [ -n "${FACTORY_COMMIT-}" ]; then
  case $FACTORY_COMMIT in *[!0-9a-f]*) fail 'FACTORY_COMMIT is not a commit' ;; esac
  ref=$FACTORY_COMMIT
fi
case $ref in
'' | -* | *[!0-9A-Za-z._/+-]*) fail 'the upstream ref is not a tag, branch or commit' ;;
esac
folder=${UPSTREAM_FOLDER:-upstream-source}
[ ! -e "$folder" ] && [ ! -L "$folder" ] || fail "$folder is there already"
export GIT_TERMINAL_PROMPT=0
format=sha1
case $ref in *[!0-9a-f]*) ;; *) [ "${#ref}" -ne 64 ] || format=sha256 ;; esac
git init --quiet --object-format=$format "$folder"
in_folder() { git -C "$folder" -c core.hooksPath=/dev/null -c apply.ignoreWhitespace=no "$@"; }
in_folder fetch --quiet --depth 1 "$UPSTREAM_REPOSITORY" "$ref" || fail "$ref cannot be fetched"
commit=$(in_folder rev-parse 'FETCH_HEAD^{commit}')
say "upstream is $commit"
in_folder update-ref --no-deref HEAD "$commit"
# Nothing is written to files before all patches have been looked at.
in_folder read-tree "$commit"

root=$(pwd -P)
count=0
apply() {
  case /$1/ in //* | */../*) fail "patch $1 leads out of the repository" ;; esac
  [ -f "$1" ] || fail "there is no patch $1"
  real=$(cd "$(dirname "$1")" && pwd -P)
  case $real/ in "$root"/*) ;; *) fail "patch $1 leads out of the repository" ;; esac
  [ ! -L "$1" ] || fail "patch $1 is a symbolic link"
  # No line of a text begins so within a patch.
  if LC_ALL=C grep -q -a -E '^(GIT binary patch|Binary files |copy (from|to) )' "$1"; then
    fail "patch $1 is binary or copies files, which no patch may"
  fi
  in_folder apply --cached --whitespace=nowarn -- "$real/${1##*/}" || fail "${1##*/} does not fit upstream any more"
  count=$((count + 1))
}

if [ -n "${UPSTREAM_PATCHES-}" ]; then
  case /$UPSTREAM_PATCHES/ in //* | */../*) fail 'the patches lead out of the repository' ;; esac
  if [ -d "$UPSTREAM_PATCHES" ]; then
    LC_ALL=C
    for patch in "$UPSTREAM_PATCHES"/*.patch; do
      [ -f "$patch" ] || continue
      apply "$patch"
    done
    [ "$count" -gt 0 ] || fail "$UPSTREAM_PATCHES has no *.patch file"
  else
    while IFS= read -r patch; do
      [ -z "$patch" ] || apply "$patch"
    done <<LINES
$UPSTREAM_PATCHES
LINES
  fi
  if in_folder diff --cached --raw --no-abbrev --no-renames "$commit" | awk '$2 == "120000" || $2 == "160000" { found = 1 } END { exit !found }'; then
    fail 'the patches make a symbolic link or a submodule, which no patch may'
  fi
  say "$count patches applied"
fi
in_folder checkout-index --quiet --all
answer "$folder" "$UPSTREAM_REPOSITORY" "$commit"
