#!/usr/bin/env bash
# vLLM from local disk and from a network mount: five cold starts of each, in random order, and what
# `coldload run` would save on the network mount. The report is results/storage_layout_bench.md.
set -euo pipefail

exec coldload compare \
  --path nvme=/mnt/nvme/models/llama \
  --path net=/mnt/efs/models/llama \
  --prefetch net \
  --runs 5 --out results \
  -- vllm serve "{model}" --port "{port}" --max-model-len 4096
