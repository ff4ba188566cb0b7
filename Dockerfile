# The image of courier: the binary, the shared libraries that it names, certificates, one user.
#
#   docker build --build-arg COMMIT=$(git rev-parse --short HEAD) -t courier .    (or ./dev docker)
#   docker run -p 8080:8080 -v courier:/var/lib/courier courier
#
# Runs with a read-only root and without any capability; only /var/lib/courier is written to.

FROM debian:trixie-slim AS build
WORKDIR /courier
COPY tools/packages tools/
RUN DEBIAN_FRONTEND=noninteractive tools/packages build
COPY . .
ARG COMMIT=
RUN cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCOURIER_LTO=ON \
        -DCOURIER_TESTS=OFF -DCOURIER_COMMIT="$COMMIT" \
    && cmake --build build \
    && strip --strip-debug build/courier
# the packages that own what the binary is linked with
RUN ldd build/courier | awk '$2 == "=>" { print $3 }' | xargs readlink -f \
    | xargs dpkg-query --search | cut -d: -f1 | sort -u >build/libraries

FROM debian:trixie-slim
COPY --from=build /courier/build/libraries /usr/share/courier/libraries
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive xargs apt-get install -q -y --no-install-recommends \
        ca-certificates </usr/share/courier/libraries \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/courier \
        --shell /usr/sbin/nologin courier \
    && install -d -o courier -g courier -m 0750 /var/lib/courier
COPY --from=build /courier/build/courier /usr/local/bin/courier
COPY LICENSE /usr/share/doc/courier/LICENSE
COPY deploy/docker/image.yaml /etc/courier/courier.yaml
ARG COMMIT=
LABEL org.opencontainers.image.title="courier" \
      org.opencontainers.image.description="A gateway for large language models" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.base.name="docker.io/library/debian:trixie-slim"
ENV COURIER_CONFIG=/etc/courier/courier.yaml
WORKDIR /var/lib/courier
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["courier", "health"]
ENTRYPOINT ["courier"]
CMD ["serve"]
