# The command line of Image Factory with all that it needs at run time: Node and git.
#
#   docker build -t image-factory .                      builds the bundle, too
#   docker build --build-arg BUNDLE=prebuilt .           takes packages/cli/dist as `npm run build` left it
#
# NODE may be any image with Node 22.22.2 or newer, by digest; one that has no git needs apt-get.
ARG NODE=docker.io/library/node:24-bookworm-slim@sha256:a9f5f7c91a432850b2a8a7797adf5eadb6c733ceed61167806cee7ea7fbc29df
ARG BUNDLE=built

# The bundle is JavaScript and the same for every platform: it is built once, on the machine's own.
FROM --platform=${BUILDPLATFORM} ${NODE} AS built
WORKDIR /source
COPY . .
RUN npm ci --ignore-scripts --no-audit --no-fund && node tools/build.mjs

FROM scratch AS prebuilt
COPY packages/cli/dist /source/packages/cli/dist
COPY packages/cli/package.json LICENSE /source/packages/cli/

FROM ${BUNDLE} AS bundle

# The base stays in the final chain, so that layers prove which digest of it is inside.
FROM ${NODE} AS runtime
# git is how the state is kept. Package managers are not needed any more and only worry scanners.
RUN command -v git || { apt-get update \
    && apt-get install -y --no-install-recommends git ca-certificates \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log; } \
    && rm -rf /usr/local/lib/node_modules /opt/yarn* /usr/local/bin/npm /usr/local/bin/npx \
      /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg \
    && ln -s /opt/image-factory/dist/main.js /usr/local/bin/image-factory
COPY --from=bundle /source/packages/cli/package.json /opt/image-factory/
COPY --from=bundle /source/packages/cli/dist /opt/image-factory/dist
# Nothing is written outside of /tmp: the root may be read-only.
ENV NODE_ENV=production \
    HOME=/tmp \
    IMAGE_FACTORY_CACHE_DIR=/tmp/image-factory
LABEL org.opencontainers.image.title="Image Factory" \
      org.opencontainers.image.description="Keeps container images built on the newest base that has proved itself" \
      org.opencontainers.image.licenses="Apache-2.0"
# 65532 is nobody's account: no file of the image belongs to it.
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["image-factory"]
EXPOSE 8480
CMD ["serve", "--listen", "0.0.0.0:8480"]
