# coldload-mpi built from this checkout, with Open MPI and the sshd by which it starts ranks, on top of any
# image of Debian 12, Ubuntu 22.04 or later (examples/kubernetes/herd-mpijob.yaml):
#
#   docker build -f docker/herd.Dockerfile -t coldload-herd-vllm --build-arg BASE=vllm/vllm-openai:v0.24.0 .
ARG BASE=debian:12-slim

FROM debian:12-slim AS build
WORKDIR /src
COPY . .
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libopenmpi-dev \
  && rm -rf /var/lib/apt/lists/* \
  && script/build release coldload-mpi

# hadolint ignore=DL3006
FROM ${BASE}
# mpi-operator mounts each job's keys in a folder that is not as sshd's StrictModes wants it; every worker
# has the image's host key, and a new name.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends openmpi-bin openssh-client openssh-server \
  && rm -rf /var/lib/apt/lists/* \
  && mkdir -p /run/sshd \
  && echo "StrictModes no" >/etc/ssh/sshd_config.d/mpi-operator.conf \
  && printf '%s\n' "Host *" "  StrictHostKeyChecking no" "  UserKnownHostsFile /dev/null" "  LogLevel ERROR" \
    >/etc/ssh/ssh_config.d/mpi-operator.conf
COPY --from=build /src/build/coldload-mpi /usr/local/bin/
ENTRYPOINT []
CMD ["/usr/sbin/sshd", "-De"]
