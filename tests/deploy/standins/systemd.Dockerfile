# A machine that systemd runs, with courier's binary and its libraries, and nothing set up for it.
FROM courier
USER root
WORKDIR /
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        systemd systemd-sysv dbus curl procps \
    && rm -rf /var/lib/apt/lists/* \
    && rm -r /var/lib/courier && userdel courier
# engines on hosts with the first kind of control groups
ENV container=docker \
    SYSTEMD_PROC_CMDLINE="systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"
STOPSIGNAL SIGRTMIN+3
HEALTHCHECK NONE
# on a real machine systemd does this itself: mounts for a service are made outside of it
ENTRYPOINT ["sh", "-c", "mount --make-rshared / && exec /sbin/init"]
CMD []
