#!/bin/sh
# Asks the factory for the next version of the image; asked twice for one build key, it is the same.
# Writes version=... to OUTPUT_FILE.
#
# FACTORY_IMAGE, FACTORY_KEY   what the factory gave
# VERSION_REPOSITORY, VERSION_BRANCH, VERSION_DIRECTORY   where the factory directory is; FACTORY_GIT_TOKEN reads and writes it
# VERSION_BUMP, VERSION_CHANNEL   see `image-factory version --help`
# VERSION_CLI_IMAGE   an image of image-factory; empty: the program is on PATH
set -eu

say() { printf 'image-factory: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

case ${FACTORY_IMAGE-} in
'' | -* | *[!0-9a-z-]*) fail 'FACTORY_IMAGE is not the name of an enrolled image' ;;
esac
set -- version next "$FACTORY_IMAGE" --bump "${VERSION_BUMP:-patch}"
[ -z "${VERSION_CHANNEL-}" ] || set -- "$@" --channel "$VERSION_CHANNEL"
[ -z "${FACTORY_KEY-}" ] || set -- "$@" --key "$FACTORY_KEY"
[ -z "${VERSION_REPOSITORY-}" ] || set -- "$@" --git-repo "$VERSION_REPOSITORY"
[ -z "${VERSION_BRANCH-}" ] || set -- "$@" --git-branch "$VERSION_BRANCH"
[ -z "${VERSION_DIRECTORY-}" ] || set -- "$@" --image-factory-dir "$VERSION_DIRECTORY"

if [ -n "${VERSION_CLI_IMAGE-}" ]; then
  case $VERSION_CLI_IMAGE in -*) fail 'VERSION_CLI_IMAGE is not an image' ;; esac
  # Its process has another user than this one, who must be able to read the credentials of the registry.
  credentials=$(mktemp -d)
  trap 'rm -rf "$credentials"' EXIT
  if [ -f "${DOCKER_CONFIG:-$HOME/.docker}/config.json" ]; then
    cp "${DOCKER_CONFIG:-$HOME/.docker}/config.json" "$credentials/config.json"
  fi
  chmod -R a+rX "$credentials"
  answer=$(docker run --rm --env FACTORY_GIT_TOKEN --env DOCKER_CONFIG=/credentials \
    --volume "$credentials:/credentials:ro" "$VERSION_CLI_IMAGE" "$@") || fail 'no version was given'
else
  answer=$(image-factory "$@") || fail 'no version was given'
fi
case $answer in
'' | *[!0-9A-Za-z.-]*) fail 'what was given is not a version' ;;
[0-9]*.[0-9]*.[0-9]*) ;;
*) fail 'what was given is not a version' ;;
esac
say "version $answer"
printf 'version=%s\n' "$answer" >>"$OUTPUT_FILE"
