#!/usr/bin/env bash
# llama.cpp's llama-server with a .gguf file on two paths. It maps the file, so where the file lies
# decides when it is ready; --first-token also times what it still has to fetch for one request.
set -euo pipefail

exec coldload compare \
  --path nvme=/mnt/nvme/models/llama.gguf \
  --path net=/mnt/efs/models/llama.gguf \
  --first-token --out results \
  -- llama-server -m "{model}" --host 127.0.0.1 --port "{port}" -ngl 999 -c 4096
