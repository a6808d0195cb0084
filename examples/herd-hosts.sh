#!/usr/bin/env bash
# A herd on hosts that Open MPI reaches by ssh: 1, 2, 4, ... of them, and all, start a server at the same
# instant; six herds of each size, or $RUNS.
#
#   herd-hosts.sh HOSTFILE PATH OUT [SERVER ...]
#   herd-hosts.sh hosts /mnt/efs/models/llama results vllm serve '{model}' --port '{port}'
#
# HOSTFILE has a line `node-a slots=1` for each host, the first of which writes the results to OUT.
# Without SERVER it is coldload's own loader that loads. Every host has the model at PATH, and coldload-mpi
# and Open MPI, in the same version and place; `ssh node-a true` asks for nothing. What the server wants of
# the environment that ssh does not bring stands in its line: env HF_HOME=/mnt/hub vllm serve ...
set -euo pipefail

usage() {
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

[ $# -ge 3 ] || usage
hostfile=$1 model=$2 out=$3
shift 3

# Without slots= a host has as many as it has cores, and ranks of one host share its page cache.
nodes=0
while read -r host words || [ -n "$host" ]; do
  case "$host" in "" | \#*) continue ;; esac
  [[ $words =~ slots=([0-9]+) ]] || { echo "$hostfile: $host has no slots=1" >&2; exit 2; }
  nodes=$((nodes + BASH_REMATCH[1]))
done <"$hostfile"
[ "$nodes" -gt 0 ] || { echo "$hostfile: no hosts" >&2; exit 2; }

sizes=1
for ((size = 2; size < nodes; size *= 2)); do sizes+=,$size; done
[ "$nodes" -eq 1 ] || sizes+=,$nodes

exec mpirun --hostfile "$hostfile" -n "$nodes" coldload-mpi \
  --path "net=$model" --sizes "$sizes" --runs "${RUNS:-6}" --out "$out" ${1:+--} "$@"
