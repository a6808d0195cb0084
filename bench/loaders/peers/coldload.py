"""coldload's Python package: all tensors in one piece of memory, or with `window_bytes` through a
bounded window, each copied out as a model's parameters are.
"""

import coldload
from coldload.torch import from_tensor


def load(paths, device, window_bytes=0):
    with coldload.open(paths) as checkpoint:
        if not window_bytes:
            loaded = checkpoint.load(device)
            return {name: from_tensor(tensor) for name, tensor in loaded.items()}, lambda: None
        tensors = {}
        with checkpoint.stream(device, window_bytes=window_bytes) as stream:
            for name, tensor in stream:
                tensors[name] = from_tensor(tensor).clone()
                del tensor
        print(f"held at most {stream.progress.most_held_bytes} bytes", flush=True)
    return tensors, lambda: None
