#!/bin/sh
# The job at GitLab: claim, build, sign, report. SCRIPTS is the folder that has the other scripts.
set -eu

say() { printf 'image-factory: %s\n' "$*" >&2; }
OUTPUT_FILE=$(mktemp)
export OUTPUT_FILE
said() { sed -n "s/^$1=//p" "$OUTPUT_FILE" | tail -n 1; }

sh "$SCRIPTS/claim.sh"
if [ "$(said claimed)" != true ]; then
  DIGEST='' sh "$SCRIPTS/report-gitlab.sh"
  exit 0
fi
if [ -n "${FACTORY_COMMIT-}" ] && [ "${UPSTREAM_COMMIT_OF-}" != upstream ]; then
  case $FACTORY_COMMIT in *[!0-9a-f]*) say 'FACTORY_COMMIT is not a commit'; exit 1 ;; esac
  git fetch --quiet --depth 1 origin "$FACTORY_COMMIT"
  git -c advice.detachedHead=false checkout --quiet "$FACTORY_COMMIT"
fi
SOURCE_COMMIT=$(git rev-parse HEAD)
export SOURCE_COMMIT
sh "$SCRIPTS/upstream.sh"
BUILD_SOURCE=$(said source)
SOURCE_URL=$(said url)
SOURCE_COMMIT=$(said commit)
export BUILD_SOURCE SOURCE_URL
sh "$SCRIPTS/login.sh"
sh "$SCRIPTS/build.sh"
DIGEST=$(said digest)
export DIGEST
sh "$SCRIPTS/sign.sh"
sh "$SCRIPTS/report-gitlab.sh"
