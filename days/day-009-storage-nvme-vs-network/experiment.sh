#!/usr/bin/env bash
# An experiment like the one whose results lie here (that was made in several parts), from nothing
# to report: makes a random-weight checkpoint on the local disk and its copy in tmpfs, which is seen
# through a stand-in for a network mount, and measures coldload's own loader and a server on both;
# the server also read ahead (`coldload run`) and from a staged copy. Where SERVER has
# --enforce-eager, its first starts without that and those from its compile cache are measured
# beside them.
#
#   DISK=/models ./experiment.sh [FLAGS] -- vllm serve {model} --port {port} --enforce-eager ...
#
# FLAGS are those of `coldload compare` that say how the server runs, such as --env. Needs root (it
# mounts a tmpfs and removes it), and memory for the checkpoint twice. From the environment:
#
#   DISK              a directory on the local disk, with room for the checkpoint twice
#   OUT               where the results go: it must not hold any yet (./day-009)
#   SIZE              of the checkpoint (7.2GB)
#   STAND_IN_NET      RATE,LATENCY of the stand-in (250MB/s,1ms)
#   MAX_MODEL_LEN     fills {max_model_len} and the CSV's column (4096)
#   COLDLOAD          the program (coldload)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

case "${1:-}" in
  -h | --help) sed -n '2,19s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
: "${DISK:?names a directory on the local disk}"
export COLDLOAD=${COLDLOAD:-coldload} OUT=${OUT:-$PWD/day-009}
export STAND_IN_NET=${STAND_IN_NET:-250MB/s,1ms} MAX_MODEL_LEN=${MAX_MODEL_LEN:-4096}
if [ -e "$OUT" ]; then
  echo "$OUT is there already: its rows would be taken together with these" >&2
  exit 1
fi

model=random-llama-${SIZE:=7.2GB}
memory=$(mktemp -d)
export MODEL_PATH_NVME=$DISK/$model MODEL_PATH_NET=$memory/$model
trap 'umount "$memory"; rmdir "$memory"' EXIT
mount -t tmpfs tmpfs "$memory"
[ -e "$MODEL_PATH_NVME" ] || "$COLDLOAD" synth "$MODEL_PATH_NVME" --size "$SIZE"
cp -r "$MODEL_PATH_NVME" "$memory/"

flags=(--ignore-failure --note
  "nvme is this machine's local disk; net is a stand-in at $STAND_IN_NET over a copy in tmpfs, not a network")
compare() { "$here/compare_storage_paths.sh" "${flags[@]}" "$@"; }
measure_compiled() {
  "$COLDLOAD" measure "$MODEL_PATH_NVME" "${flags[@]}" --runs 2 --warm-runs 0 --no-floor \
    --first-token --label "$@" --timeout 300s "${compiled[@]}"
}
server=(--compile-cache keep --timeout 300s "$@")

# One launch that nothing is kept of: the server's own caches are warm from here on.
"$COLDLOAD" measure "$MODEL_PATH_NVME" --runs 1 --warmup 0 --warm-runs 0 --cold off --no-floor \
  --first-token --out "$memory/discarded" "${server[@]}"

RUNS=2 compare --warm-runs 1
compiled=()
for word in "$@"; do [ "$word" = --enforce-eager ] || compiled+=("$word"); done
if [ ${#compiled[@]} -lt $# ]; then
  measure_compiled nvme_compile_first --warmup 0 --compile-cache fresh
  measure_compiled nvme_compiled --warmup 1 --compile-cache private
fi
RUNS=3 compare --warm-runs 2 --warmup 0 --first-token --prefetch net "${server[@]}"
RUNS=2 compare --warm-runs 0 --warmup 0 --first-token --no-floor \
  --stage "net:$DISK/staged-$model" "${server[@]}"
"$COLDLOAD" report "$OUT/storage_layout_bench.jsonl" --recommendation \
  > "$OUT/storage_layout_recommendation.md"
