#!/bin/sh
# Logs in to the registry of the image, where there are credentials: REGISTRY_USER and REGISTRY_TOKEN.
set -eu

if [ -z "${REGISTRY_TOKEN-}" ]; then
  printf 'image-factory: no credentials for the registry were given\n' >&2
  exit 0
fi
registry=${BUILD_IMAGE%%/*}
# The first part is a host only if it looks like one.
case $registry in
*.* | *:* | localhost) ;;
*) registry=docker.io ;;
esac
printf '%s' "$REGISTRY_TOKEN" | docker login --username "${REGISTRY_USER:-token}" --password-stdin "$registry"
