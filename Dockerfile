# Builds with a C compiler, make and perl; libpq and its TLS are linked in, so that the image needs no package at all.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc make perl libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY Cargo.toml Cargo.lock rustfmt.toml ./
COPY .cargo .cargo
COPY migrations migrations
COPY protocols protocols
COPY openapi openapi
COPY bench bench
COPY crates crates
COPY src src
RUN cargo build --release --locked --bin aftercare \
    && mkdir /data && chown 65532:65532 /data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/target/release/aftercare /usr/local/bin/aftercare
COPY --from=build --chown=65532:65532 /data /data
WORKDIR /data
VOLUME /data
USER nonroot
ENV AFTERCARE_LISTEN=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/usr/local/bin/aftercare", "health"]
ENTRYPOINT ["/usr/local/bin/aftercare"]
CMD ["serve"]
