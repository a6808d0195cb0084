"""For script/real-library, and by hand on a machine with a GPU (DEVICE: cpu, cuda:0):

  tensors MODEL [DEVICE]      holds coldload.torch against safetensors, tensor by tensor
  odd FOLDER [DEVICE]         writes odd checkpoints there, and holds every byte against safetensors
  memory MODEL DEVICE         loads, breaks off and fails: the GPU's memory must all come back
  answer MODEL FORMAT FILE    writes what vLLM answers with that load format
"""

import gc
import json
import os
import sys
from pathlib import Path

# As safetensors spells them, with their bits.
DTYPES = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
          "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
          "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64}


def hold_tensors(model, device="cpu"):
    import safetensors
    import torch
    from safetensors.torch import load_file

    import coldload.torch

    def bits(tensor):
        return tensor.contiguous().reshape(-1).view(torch.uint8).cpu()

    ours = coldload.torch.load_file(model, device)
    count = 0
    for path in sorted(Path(model).glob("*.safetensors")):
        theirs = load_file(path)
        with coldload.torch.safe_open(path, "pt", device) as one, safetensors.safe_open(path, "pt") as other:
            assert one.keys() == sorted(other.keys()) and one.metadata() == other.metadata(), path
            for name, tensor in theirs.items():
                for mine in (ours[name], one.get_tensor(name)):
                    assert mine.dtype == tensor.dtype and mine.shape == tensor.shape, name
                    assert str(mine.device) == device, name
                    assert torch.equal(bits(mine), bits(tensor)), name
                if tensor.dim() > 1:
                    index = (slice(1, -1), slice(None, None, 2))
                    assert torch.equal(one.get_slice(name)[index].cpu(), other.get_slice(name)[1:-1][:, ::2]), name
                count += 1
    assert count == len(ours)
    print(f"{model}, {device}: {count} tensors are those that safetensors {safetensors.__version__} reads")


def write_odd(path, tensors, lean=0):
    """Random bytes for {name: (dtype, shape)}, in that order; the data begins `lean` bytes past a multiple of 8."""
    header, at = {}, 0
    for name, (dtype, shape) in tensors.items():
        elements = 1
        for length in shape:
            elements *= length
        size = elements * DTYPES[dtype] // 8
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (lean + 8 - len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + os.urandom(at))


def hold_odd(folder, device="cpu"):
    import safetensors
    import torch

    import coldload

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    every = {f"t.{dtype}": (dtype, [3, 8]) for dtype in DTYPES}
    shapes = {"dtypes": every, "dtypes_reversed": dict(reversed(every.items())),
              "scalars": {f"s.{dtype}": (dtype, []) for dtype, bits in DTYPES.items() if bits >= 8},
              "empty": {f"e.{dtype}": (dtype, [0, 8]) for dtype in DTYPES},
              "empty_between": {"a": ("F32", [5]), "none": ("F16", [3, 0, 2]), "b": ("U8", [1]), "c": ("F64", [7])},
              "odd_sizes": {f"o{i}": ("U8", [i]) for i in range(1, 300)},
              "large_and_small": {"small": ("U8", [1]), "large": ("BF16", [70_000_001]), "last": ("U8", [3])},
              "many": {f"m.{i}": ("U16", [i % 5]) for i in range(100_000)},
              "deep": {"d": ("I32", [1, 2, 1, 3, 1, 2, 1, 2])}, "unicode": {"gewicht.ä\U0001f600": ("F32", [4])}}
    count = 0
    for name, tensors in shapes.items():
        for lean in (0, 1):
            path = folder / f"{name}-{lean}.safetensors"
            write_odd(path, tensors, lean)
            with coldload.open(path) as checkpoint:
                assert len(checkpoint) == len(tensors), path
                for ours in (checkpoint.load(device), dict(checkpoint.stream(device, window_bytes=8 << 20))):
                    for theirs_name, theirs in safetensors.deserialize(path.read_bytes()):
                        mine = ours[theirs_name]
                        assert mine.dtype == theirs["dtype"] and list(mine.shape) == theirs["shape"], theirs_name
                        got = torch.utils.dlpack.from_dlpack(mine.as_bytes()).cpu().numpy().tobytes() if mine.nbytes else b""
                        assert got == bytes(theirs["data"]), f"{path}: {theirs_name}"
                        count += 1
            path.unlink()
    print(f"{len(shapes)} odd checkpoints, {device}: all bytes of {count} tensors are those that safetensors reads")


def hold_memory(model, device):
    import torch

    import coldload

    def free():
        gc.collect()
        torch.cuda.synchronize()
        return torch.cuda.mem_get_info(device)[0]

    torch.zeros(1, device=device)
    with coldload.open(model) as checkpoint:
        total = sum(info.nbytes for info in checkpoint.values())
        checkpoint.load(device)  # what the driver keeps for itself is there after the first
        before = free()
        loaded = checkpoint.load(device)
        during = free()
        assert before - during >= total, (before, during)
        del loaded
        assert free() == before, "a load that was let go"
        for name, tensor in checkpoint.stream(device):
            break
        del name, tensor
        assert free() == before, "a stream that was left"
        with checkpoint.stream(device, window_bytes=64 << 20) as stream:
            for _ in stream:
                pass
        assert free() == before, "a stream to its end"
        print(f"a window of {64 << 20} bytes: held at most {stream.progress.most_held_bytes}")
        try:
            for _ in checkpoint.stream(device):
                raise KeyError("a consumer's own")
        except KeyError:
            pass
        assert free() == before, "a consumer that raises"
        # The most that there is, less than the checkpoint: refused before anything is read.
        rest = torch.empty(free() - total // 2, dtype=torch.uint8, device=device)
        before = free()
        try:
            checkpoint.load(device)
            raise AssertionError("was not refused")
        except RuntimeError as error:
            print(f"too little memory: {error}")
        assert free() == before, "a refused load"
        del rest
    print(f"{model}, {device}: memory comes back, {total} bytes at a time")


def answer(model, load_format, file):
    from vllm import LLM, SamplingParams

    config = json.loads((Path(model) / "config.json").read_text(encoding="utf-8"))
    options = {"model": model, "load_format": load_format, "enforce_eager": True, "max_model_len": 64, "max_num_seqs": 2}
    prompt = {"prompt_token_ids": [1, 2, 3, 4, 5, 6, 7]}
    if "Bert" in config["architectures"][0]:
        result = LLM(**options, runner="pooling").embed([prompt])[0].outputs.embedding
    else:
        llm = LLM(**options, dtype="bfloat16", skip_tokenizer_init=True)
        settings = SamplingParams(max_tokens=8, temperature=0, logprobs=5, detokenize=False)
        output = llm.generate([prompt], settings)[0].outputs[0]
        result = [list(output.token_ids), [sorted((token, one.logprob) for token, one in some.items())
                                           for some in output.logprobs]]
    Path(file).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    {"tensors": hold_tensors, "odd": hold_odd, "memory": hold_memory, "answer": answer}[sys.argv[1]](*sys.argv[2:])
