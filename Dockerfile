# An image of the server with the app. It brings no database: give it DATABASE_URL and REDIS_URL, and a volume at /data.
# This file was written without a Docker engine at hand and has not been built yet.

FROM node:22-bookworm-slim AS pwa
WORKDIR /src/pwa
COPY pwa/package.json pwa/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY pwa/ ./
RUN npm run build

FROM rust:1.95-bookworm AS server
WORKDIR /src
COPY . .
ENV SQLX_OFFLINE=true
RUN cargo build --release --locked --bin profcards

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libssl3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --home-dir /data profcards \
 && install -d -o profcards -m 700 /data
COPY --from=server /src/target/release/profcards /usr/local/bin/profcards
COPY --from=pwa /src/pwa/dist /usr/share/profcards/pwa
COPY keys /usr/share/profcards/keys
ENV PROFCARDS_ADDR=0.0.0.0:8080 \
    PROFCARDS_DATA=/data \
    PROFCARDS_PWA=/usr/share/profcards/pwa \
    PROFCARDS_KEYS=/usr/share/profcards/keys
USER profcards
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["profcards"]
CMD ["serve"]
