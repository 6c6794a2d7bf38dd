# Lumina in a container. Photos and the secret live in /data; Postgres runs elsewhere, because the image has no database
# server: DATABASE_URL is required. compose.yaml beside this file starts both.
#
#   docker build -t lumina .
#   docker build -t lumina --build-arg FEATURES=postgres-tls .     (when Postgres is reached over TLS)

FROM rust:1.95.0-slim-bookworm AS build
# The image brings the C compiler; these two are for OpenSSL, which the feature postgres-tls builds.
RUN apt-get update \
 && apt-get install -y --no-install-recommends make perl \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ARG FEATURES=""
# What the start says it is: --build-arg LUMINA_COMMIT=$(git rev-parse --short HEAD)
ARG LUMINA_COMMIT=""
# Crates and what was compiled from them stay in the builder's cache, so a change of ours builds only our code.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --features "$FEATURES" \
 && cp target/release/lumina /usr/local/bin/lumina

FROM debian:12.13-slim
# The first decodes HEIC and AVIF, in a process of its own; the second has pg_dump and pg_restore, for lumina backup and restore.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libheif-examples postgresql-client-15 \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin lumina \
 && install -d -o lumina -g lumina -m 0700 /data
COPY --from=build /usr/local/bin/lumina /usr/local/bin/lumina
USER lumina
# config.yaml is looked for in the working folder, so it may be mounted as /data/config.yaml.
WORKDIR /data
ENV BIND=0.0.0.0:8080 \
    DATA_DIR=/data
VOLUME /data
EXPOSE 8080
# Asks the server as a client would, with bash alone: it speaks TCP, and the image needs no curl for this.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && { read -r _ status _; cat >/dev/null; } <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["lumina"]
