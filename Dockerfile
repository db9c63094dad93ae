# The gateway as an image: `docker build -t tidegate .`, or `npm run image` where there is no Docker.

# The full name: podman and buildah ask which registry a short one means. Exact, so that a build is repeatable.
FROM docker.io/library/node:22.23.3-bookworm-slim AS base
WORKDIR /app

# Copied before the sources, so that a change of code does not install anew. .npmrc refuses a Node that is too old.
FROM base AS manifest
COPY package.json package-lock.json .npmrc ./

# No package needs its install script. The cache and the secret are there while the step runs, and in no layer;
# the secret (optional) is the .npmrc of a registry of one's own: `--secret id=npmrc,src=$HOME/.npmrc`.
FROM manifest AS deps
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier

FROM manifest AS build
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier
COPY tsconfig*.json ./
COPY scripts/build.mjs scripts/client-bundle.mjs scripts/
COPY src src
RUN npm run build

FROM base AS run
# Owned by root: the process can read its own code, and change none of it. It writes no file but those that are
# shared, into FILES_DIR (a volume), so the root file system may be read-only.
COPY --from=deps /app/node_modules node_modules
COPY --from=build /app/dist dist
# Without `"type": "module"` Node would read dist/ as CommonJS.
COPY package.json LICENSE ./

# `node` of the base image, as numbers: Kubernetes' runAsNonRoot can't look a name up.
USER 1000:1000
# The default of PORT; above 1024, which needs no privilege.
EXPOSE 8080
# The signal that drains. It is the default too; said, because DRAIN_MS hangs on it.
STOPSIGNAL SIGTERM
# Liveness, not /readyz: while Redis is away a restart would only drop the sockets. Exec form and no curl: the image
# has Node anyway. An empty PORT counts as unset, as in the gateway.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node itself is process 1: npm or a shell in between would keep the signals. It starts no children but
# those of WORKERS, and reaps these itself.
CMD ["node", "--enable-source-maps", "dist/main.js"]

# Last, because they change with every commit and would make anew whatever follows.
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Tidegate" \
      org.opencontainers.image.description="A horizontally scalable realtime gateway: WebSocket rooms over stateless replicas and Redis" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
