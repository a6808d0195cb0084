#!/usr/bin/env bash
# Stages a model from a network mount to local NVMe, then measures cold starts from the copy: rows
# with storage_mode=staged join those of compare_storage_paths.sh.
#
#   MODEL_PATH_NET=/mnt/efs/M STAGING_ROOT=/mnt/nvme ./stage_model_to_nvme.sh \
#     [FLAGS] [-- vllm serve {model} --port {port} ...]
#
# The copy is STAGING_ROOT/M: absent, or complete and right, whatever ends it (docs/stage.md); one
# that is up to date is kept. FLAGS are those of `coldload measure`. From the environment:
#
#   MODEL_PATH_NET    the model on the network mount
#   STAGING_ROOT      a directory on the local disk, which must exist
#   STAGE_FLAGS       words for `coldload stage`, such as "--limit 500MB/s --keep 2"
#   RUNS              cold runs (5)
#   MAX_MODEL_LEN     fills {max_model_len} and the CSV's column
#   OUT               where the results go: this folder, unless set; rows are appended
#   COLDLOAD          the program; unless set, build/coldload, built first if it is not there
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..

case "${1:-}" in
  -h | --help) sed -n '2,19s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
: "${MODEL_PATH_NET:?names the model on the network mount}"
: "${STAGING_ROOT:?names a directory on the local disk}"

if [ -z "${COLDLOAD:-}" ]; then
  COLDLOAD=$root/build/coldload
  [ -x "$COLDLOAD" ] || "$root/script/build" release coldload >&2
fi

staged=$STAGING_ROOT/$(basename "$MODEL_PATH_NET")
# shellcheck disable=SC2086  # words
copied=$("$COLDLOAD" stage ${STAGE_FLAGS:-} "$MODEL_PATH_NET" "$staged")
printf '%s\n' "$copied" >&2

export OUT="${OUT:-$here}"
exec "$COLDLOAD" measure "$staged" --label staged --warm-runs 0 \
  --note "staged from $MODEL_PATH_NET: ${copied%%$'\n'*}" "$@"
