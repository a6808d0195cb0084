"""For script/real-library: `tensors MODEL` holds coldload.torch against safetensors, tensor by tensor;
`answer MODEL FORMAT FILE` writes what vLLM answers with that load format."""

import json
import sys
from pathlib import Path


def hold_tensors(model):
    import safetensors
    import torch
    from safetensors.torch import load_file

    import coldload.torch

    def bits(tensor):
        return tensor.contiguous().reshape(-1).view(torch.uint8)

    ours = coldload.torch.load_file(model)
    count = 0
    for path in sorted(Path(model).glob("*.safetensors")):
        theirs = load_file(path)
        with coldload.torch.safe_open(path, "pt") as one, safetensors.safe_open(path, "pt") as other:
            assert one.keys() == sorted(other.keys()) and one.metadata() == other.metadata(), path
            for name, tensor in theirs.items():
                for mine in (ours[name], one.get_tensor(name)):
                    assert mine.dtype == tensor.dtype and mine.shape == tensor.shape, name
                    assert torch.equal(bits(mine), bits(tensor)), name
                if tensor.dim() > 1:
                    index = (slice(1, -1), slice(None, None, 2))
                    assert torch.equal(one.get_slice(name)[index], other.get_slice(name)[1:-1][:, ::2]), name
                count += 1
    assert count == len(ours)
    print(f"{model}: {count} tensors are those that safetensors {safetensors.__version__} reads")


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
    {"tensors": hold_tensors, "answer": answer}[sys.argv[1]](*sys.argv[2:])
