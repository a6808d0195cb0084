"""safetensors 0.9 and later: every shard's background load started, then the tensors as they land."""

from safetensors import safe_open


def load(paths, device):
    loaders = [safe_open(path, framework="pt", device=device).prefetch() for path in paths]
    tensors = {name: tensor for loader in loaders for name, tensor in loader}

    def close():
        for loader in loaders:
            loader.close()

    return tensors, close
