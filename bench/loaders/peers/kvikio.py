"""KvikIO: one read per shard into one device buffer, split into tasks by its thread pool.

KvikIO knows no safetensors, so the headers are read here and the tensors are views.
KVIKIO_COMPAT_MODE, KVIKIO_NTHREADS and KVIKIO_TASK_SIZE are read from the environment.
"""

import kvikio
import torch

from headers import read_header


def load(paths, device):
    shards = []
    for path in paths:
        entries, data_start, data_bytes = read_header(path)
        arena = torch.empty(data_bytes, dtype=torch.uint8, device=device)
        target = arena if arena.is_cuda else arena.numpy()
        file = kvikio.CuFile(path, "r")
        shards.append((file, entries, arena, file.pread(target, data_bytes, data_start)))
    tensors = {}
    for _, entries, arena, future in shards:
        got = future.get()
        if got != arena.numel():
            raise OSError(f"short read: {got} of {arena.numel()} bytes")
        for entry in entries:
            part = arena[entry.begin:entry.end]
            tensors[entry.name] = part.view(getattr(torch, entry.torch_dtype)).view(entry.shape)

    def close():
        for file, *_ in shards:
            file.close()

    return tensors, close
