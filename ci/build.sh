#!/bin/sh
# Builds the image with the factory's pins, pushes it, and writes digest=sha256:... to OUTPUT_FILE.
#
# FACTORY_KEY, FACTORY_ATTEMPT, FACTORY_PINS, FACTORY_BUILD_CONTEXTS, FACTORY_BUILD_ARGS   what the factory gave
# BUILD_IMAGE      registry and repository, without a tag
# BUILD_TAGS       tags to move, with spaces, commas or line ends between; BUILD_VERSION is one more
# BUILD_SOURCE     folder that the next two are relative to; BUILD_DOCKERFILE, BUILD_CONTEXT
# BUILD_OWN_DOCKERFILE   a Dockerfile of this repository, in the place of the source's
# BUILD_TARGET, BUILD_PLATFORMS (with commas), BUILD_ARGS (NAME=value lines), BUILD_SECRETS (NAME=value lines)
# BUILD_CACHE      a reference that keeps layers between builds; empty: none
# BUILD_SBOM, BUILD_PROVENANCE   as buildx takes them: true, false, mode=max
# SOURCE_URL, SOURCE_COMMIT      where the source is, for the image's annotations
set -eu

say() { printf 'image-factory: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
# One line that the pattern describes, and nothing else.
fits() { printf '%s' "$1" | LC_ALL=C awk -v pattern="$2" 'NR > 1 { exit 1 } $0 !~ pattern { exit 1 } END { if (NR == 0) exit 1 }'; }
inside() { case /$1/ in */../* | //*) fail "$2 $1 leads out of the repository" ;; esac; }

hex='[0-9a-f]'
for step in 1 2 3; do hex=$hex$hex; done # eight of them, so that no interval is needed: old awks have none
digest_form="sha256:$hex$hex$hex$hex$hex$hex$hex$hex"

fits "${BUILD_IMAGE-}" '^[A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+$' || fail 'BUILD_IMAGE is not registry/repository without a tag'
source=${BUILD_SOURCE:-.}
dockerfile=${BUILD_DOCKERFILE:-Dockerfile}
context=${BUILD_CONTEXT:-.}
inside "$source" BUILD_SOURCE
inside "$dockerfile" BUILD_DOCKERFILE
inside "$context" BUILD_CONTEXT
file=$source/$dockerfile
if [ -n "${BUILD_OWN_DOCKERFILE-}" ]; then
  inside "$BUILD_OWN_DOCKERFILE" BUILD_OWN_DOCKERFILE
  file=$BUILD_OWN_DOCKERFILE
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
set -- buildx build --progress plain --pull --push --file "$file" --metadata-file "$work/metadata.json"

tags=0
# shellcheck disable=SC2086 # they are words
for tag in $(printf '%s %s' "${BUILD_TAGS-}" "${BUILD_VERSION-}" | tr ',\n' '  '); do
  fits "$tag" '^[A-Za-z0-9_][A-Za-z0-9._-]*$' || fail "$tag is not a tag"
  set -- "$@" --tag "$BUILD_IMAGE:$tag"
  tags=$((tags + 1))
done
[ "$tags" -gt 0 ] || fail 'there is no tag to push'

contexts=0
while IFS= read -r line; do
  [ -n "$line" ] || continue
  fits "$line" "^[A-Za-z0-9._:/-]+=docker-image://[A-Za-z0-9._:/-]+@$digest_form\$" || fail "not a pinned context: $line"
  set -- "$@" --build-context "$line"
  contexts=$((contexts + 1))
done <<LINES
${FACTORY_BUILD_CONTEXTS-}
LINES

while IFS= read -r line; do
  [ -n "$line" ] || continue
  # The value may be secret where somebody mistakes arguments for secrets: only the name is shown.
  fits "$line" '^[^=[:space:]]+=' || fail "not a build argument: ${line%%=*}"
  set -- "$@" --build-arg "$line"
done <<LINES
${BUILD_ARGS-}
LINES
while IFS= read -r line; do
  [ -n "$line" ] || continue
  fits "$line" "^[A-Za-z_][A-Za-z0-9_]*=[A-Za-z0-9._:/-]+@$digest_form\$" || fail "not a pinned build argument: $line"
  # The last one counts: what was approved wins over what the caller says.
  set -- "$@" --build-arg "$line"
done <<LINES
${FACTORY_BUILD_ARGS-}
LINES

while IFS= read -r line; do
  [ -n "$line" ] || continue
  name=${line%%=*}
  fits "$name" '^[A-Za-z_][A-Za-z0-9_.-]*$' || fail 'a build secret has no name that can be used'
  (umask 077 && printf '%s' "${line#*=}" >"$work/secret-$name")
  set -- "$@" --secret "id=$name,src=$work/secret-$name"
done <<LINES
${BUILD_SECRETS-}
LINES

[ -z "${BUILD_TARGET-}" ] || set -- "$@" --target "$BUILD_TARGET"
[ -z "${BUILD_PLATFORMS-}" ] || set -- "$@" --platform "$BUILD_PLATFORMS"
if [ -n "${BUILD_CACHE-}" ]; then
  fits "$BUILD_CACHE" '^[A-Za-z0-9._:/-]+$' || fail 'BUILD_CACHE is not a reference'
  set -- "$@" --cache-from "type=registry,ref=$BUILD_CACHE" --cache-to "type=registry,ref=$BUILD_CACHE,mode=max"
fi
sbom=${BUILD_SBOM:-true}
provenance=${BUILD_PROVENANCE:-mode=max}
set -- "$@" "--sbom=$sbom" "--provenance=$provenance"

# With an attestation, or for several platforms, the result is an index, and both levels are annotated.
levels=index,manifest
case $sbom/$provenance/${BUILD_PLATFORMS-} in
false/false/*,*) ;;
false/false/*) levels=manifest ;;
esac

# The pin that the factory marks is the base of the final image: "reference" and "digest" stand before "final".
base=$(printf '%s' "${FACTORY_PINS-}" | tr '{' '\n' |
  sed -n 's/^"reference":"\([A-Za-z0-9._:\/-]*\)","digest":"\(sha256:[0-9a-f]*\)","final":true.*/\1 \2/p' | head -n 1)
base_name=${base%% *}
base_digest=${base##* }

# Labels are written also where there is nothing to say: what an image does not say itself it inherits from its base.
while IFS= read -r line; do
  set -- "$@" --label "$line"
  [ -z "${line#*=}" ] || set -- "$@" --annotation "$levels:$line"
done <<LINES
org.opencontainers.image.base.name=$base_name
org.opencontainers.image.base.digest=$base_digest
org.opencontainers.image.source=$(printf '%s' "${SOURCE_URL-}" | tr -d '\n')
org.opencontainers.image.revision=$(printf '%s' "${SOURCE_COMMIT-}" | tr -d '\n')
org.opencontainers.image.version=$(printf '%s' "${BUILD_VERSION-}" | tr -d '\n')
io.image-factory.build-key=$(printf '%s' "${FACTORY_KEY-}" | tr -d '\n')
io.image-factory.attempt=$(printf '%s' "${FACTORY_ATTEMPT-}" | tr -d '\n')
LINES

say "building $BUILD_IMAGE with $contexts pinned contexts"
docker "$@" "$source/$context" || fail 'the build failed'

digest=$(tr ',' '\n' <"$work/metadata.json" |
  sed -n 's/.*"containerimage\.digest"[[:space:]]*:[[:space:]]*"\(sha256:[0-9a-f]*\)".*/\1/p' | head -n 1)
fits "$digest" "^$digest_form\$" || fail 'buildx did not say which digest it pushed'
say "pushed $BUILD_IMAGE@$digest"
{
  printf 'digest=%s\n' "$digest"
  printf 'digest_hex=%s\n' "${digest#sha256:}"
} >>"$OUTPUT_FILE"
