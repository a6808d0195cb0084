#!/usr/bin/env python3
"""One load by one peer in a process of its own: `run` starts it and reads its JSON lines.

Before the timer: the imports, the CUDA context, one allocation, one copy each way and one kernel,
so that no peer pays for what torch loads the first time. Inside: everything from opening the files
until torch.cuda.synchronize() returns. After it: the peer's own closing, timed by itself.
"""

import argparse
import json
import random
import time
from importlib import metadata
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

HERE = Path(__file__).resolve().parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", required=True)
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--distribution", default="")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("paths", nargs="+")
    return parser.parse_args()


def say(event, **values):
    print(json.dumps({"event": event, **values}), flush=True)


def import_peer(name):
    # Not by the search path: a peer's file is called like the package that it imports.
    spec = spec_from_file_location(f"peer_{name}", HERE / "peers" / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def context_up(torch, device):
    if device == "cpu":
        return
    torch.cuda.init()
    torch.cuda.set_device(torch.device(device))
    on_device = torch.zeros(1024, device=device)
    on_device.clone().cpu()
    torch.ones(1024).to(device)
    torch.cuda.synchronize()


def storage_bytes_read():
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["read_bytes"])


def check(torch, paths, tensors, device):
    """Names, types, shapes and places of all tensors; the ends of all, and all bytes of some,
    against the file. Returns how many were compared; raises on the first difference."""
    import numpy
    from headers import read_header
    pick = random.Random(7)
    names, compared_bytes = set(), 0
    for path in paths:
        entries, data_start, _ = read_header(path)
        names.update(entry.name for entry in entries)
        data = numpy.memmap(path, dtype=numpy.uint8, mode="r", offset=0)
        largest = max(entries, key=lambda entry: entry.end - entry.begin)
        whole = {entries[0].name, entries[-1].name, largest.name}
        whole |= {entry.name for entry in pick.sample(entries, min(4, len(entries)))}
        for entry in entries:
            tensor = tensors[entry.name]
            found = (str(tensor.dtype), tuple(tensor.shape), str(tensor.device))
            wanted = (f"torch.{entry.torch_dtype}", entry.shape, device)
            if found != wanted:
                raise ValueError(f"{entry.name}: {found} instead of {wanted}")
            expected = data[data_start + entry.begin:data_start + entry.end]
            flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
            if flat.numel() != expected.size:
                raise ValueError(f"{entry.name}: {flat.numel()} bytes instead of {expected.size}")
            parts = [slice(None)] if entry.name in whole else [slice(0, 4096), slice(-4096, None)]
            for part in parts:
                if not numpy.array_equal(flat[part].cpu().numpy(), expected[part]):
                    raise ValueError(f"{entry.name}: the bytes differ from the file's")
                compared_bytes += expected[part].size
    if set(tensors) != names:
        raise ValueError(f"{len(tensors)} tensors instead of {len(names)}")
    return {"tensors": len(names), "compared_bytes": compared_bytes}


def main():
    args = arguments()
    started = time.monotonic()
    import torch
    peer = import_peer(args.peer)
    imported = time.monotonic()
    context_up(torch, args.device)
    context = time.monotonic()
    on_gpu = args.device != "cpu"
    free_before = torch.cuda.mem_get_info()[0] if on_gpu else 0
    read_before = storage_bytes_read()
    say("loading")

    begin = time.perf_counter()
    tensors, close = peer.load(args.paths, args.device, **args.options)
    if on_gpu:
        torch.cuda.synchronize()
    end = time.perf_counter()

    record = {
        "load_s": end - begin, "imports_s": imported - started, "context_s": context - imported,
        "storage_bytes": storage_bytes_read() - read_before,
        "tensor_bytes": sum(tensor.nbytes for tensor in tensors.values()),
        "gpu_bytes_held": free_before - torch.cuda.mem_get_info()[0] if on_gpu else 0,
        "torch": torch.__version__,
        "version": metadata.version(args.distribution) if args.distribution else "",
    }
    begin = time.perf_counter()
    close()
    if on_gpu:
        torch.cuda.synchronize()
    record["close_s"] = time.perf_counter() - begin
    if args.check:
        record["check"] = check(torch, args.paths, tensors, args.device)
    say("ready", **record)


if __name__ == "__main__":
    main()
