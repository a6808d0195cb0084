#!/usr/bin/env bash
# Compares cold loads of one model from local NVMe and from a network mount, and writes
# storage_layout_bench.csv, .jsonl and .md.
#
#   MODEL_PATH_NVME=/mnt/nvme/M MODEL_PATH_NET=/mnt/efs/M ./compare_storage_paths.sh \
#     [FLAGS] [-- vllm serve {model} --port {port} ...]
#
# With no server after `--` coldload's native loader reads the model. FLAGS are those of
# `coldload compare`; `--dry-run` shows what would be done. From the environment:
#
#   MODEL_PATH_NVME   the model on local NVMe
#   MODEL_PATH_NET    the model on the network mount; unset: the other arm alone is measured, and
#                     the report says how to run this one later
#   STAND_IN_NET      RATE,LATENCY such as 250MB/s,1ms: MODEL_PATH_NET is a local directory, shown
#                     to the loader at this pace (and labelled so in every row)
#   RUNS              cold runs per path (5)
#   MAX_MODEL_LEN     fills {max_model_len} and the CSV's column
#   OUT               where the results go: this folder, unless set; rows are appended
#   COLDLOAD          the program; unless set, build/coldload, built first if it is not there
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..

case "${1:-}" in
  -h | --help) sed -n '2,19s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac

if [ -z "${COLDLOAD:-}" ]; then
  COLDLOAD=$root/build/coldload
  [ -x "$COLDLOAD" ] || "$root/script/build" release coldload >&2
fi

export OUT="${OUT:-$here}"
exec "$COLDLOAD" compare ${STAND_IN_NET:+--stand-in "net=$STAND_IN_NET"} "$@"
