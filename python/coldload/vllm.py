"""`vllm serve --load-format coldload`: vLLM's default loader, with coldload's tensors.

vLLM finds register() by the entry point vllm.general_plugins, in every process that it starts. Which
files are read, how names map to parameters, quantisation and the check for missing weights are its
default loader's; only the iterator over a checkpoint's safetensors is another one. Other formats
(.bin, .pt) and the strategies that vLLM's own iterator has for torchao go to that.

--model-loader-extra-config takes `threads`, `ring_bytes` and `window_bytes` beside vLLM's own keys.
"""
from __future__ import annotations

import dataclasses
import os
import types
from collections.abc import Callable, Generator, Sequence
from typing import Any

FORMAT = "coldload"
_OURS = ("threads", "ring_bytes", "window_bytes")


def register() -> None:
    """Makes the load format known. May be called again."""
    from vllm.model_executor import model_loader

    known = getattr(model_loader, "_LOAD_FORMAT_TO_MODEL_LOADER", {})
    if FORMAT not in known:
        model_loader.register_model_loader(FORMAT)(_loader_class())


def _loader_class() -> type:
    from vllm.model_executor.model_loader import default_loader

    class ColdloadModelLoader(default_loader.DefaultModelLoader):  # type: ignore[misc]
        def __init__(self, load_config: Any) -> None:
            extra = dict(load_config.model_loader_extra_config or {})
            self._options = {key: _number(key, extra.pop(key)) for key in _OURS if key in extra}
            # What the default loader makes of a path, it makes of it for us.
            super().__init__(dataclasses.replace(load_config, load_format="auto", model_loader_extra_config=extra))

        def _get_weights_iterator(self, source: Any) -> Generator[tuple[str, Any], None, None]:
            weights: Generator[tuple[str, Any], None, None] = _with_iterator(
                default_loader, self._iterator)(self, source)
            return weights

        def _iterator(self, files: Sequence[str], use_tqdm: bool, strategy: str | None = None, **others: Any) -> Any:
            if strategy == "torchao":
                return default_loader.safetensors_weights_iterator(files, use_tqdm, strategy, **others)
            return _weights(files, others.get("local_expert_ids"), self._options)

    return ColdloadModelLoader


def _with_iterator(default_loader: Any, iterator: Callable[..., Any]) -> Callable[..., Any]:
    """The default loader's own method, in which its iterator over safetensors is `iterator`: the seam
    that every release has had, without a copy of what stands around it."""
    method = default_loader.DefaultModelLoader._get_weights_iterator
    name = "safetensors_weights_iterator"
    if name not in method.__code__.co_names or method.__closure__:
        import vllm
        raise RuntimeError(f"vLLM {vllm.__version__} reads safetensors in a way that coldload does not know: leave out "
                           "--load-format coldload, or install a newer coldload")
    seen = {**vars(default_loader), name: iterator, f"multi_thread_{name}": iterator}
    return types.FunctionType(method.__code__, seen, method.__name__, method.__defaults__)


def _weights(files: Sequence[str], local_expert_ids: Any, options: dict[str, int]) -> Generator[tuple[str, Any], None, None]:
    import coldload
    from coldload.torch import from_tensor
    from vllm.logger import init_logger

    rank, ranks = _ranks()
    with coldload.open(sorted(files)) as checkpoint:
        plan = None
        if local_expert_ids is not None:
            from vllm.model_executor.model_loader.ep_weight_filter import should_skip_weight
            plan = [name for name in checkpoint if not should_skip_weight(name, local_expert_ids)]
        with checkpoint.stream(_device(), plan, rank=rank, ranks=ranks, **options) as stream:
            for name, tensor in stream:
                yield name, from_tensor(tensor)
                del tensor
    if done := stream.progress:
        init_logger("vllm.coldload").info(
            "coldload read %.2f GB in %.2f s (%.2f GB/s), %.2f GB through the page cache; held at most %.2f GB",
            done.read_bytes / 1e9, done.read_s, done.read_bytes / 1e9 / max(done.read_s, 1e-9),
            done.page_cache_bytes / 1e9, done.most_held_bytes / 1e9)


def _device() -> str:
    """Where the model's weights go: copied there from the same memory is a copy less."""
    import torch
    from vllm.platforms import current_platform

    return f"cuda:{torch.cuda.current_device()}" if current_platform.is_cuda() else "cpu"


def _ranks() -> tuple[int, int]:
    """Which of this machine's processes that load the same model this is."""
    from vllm.distributed import parallel_state

    try:
        world = parallel_state.get_world_group()
    except AssertionError:  # none: a loader by itself
        return 0, 1
    if world.world_size <= 1:
        return 0, 1
    local = int(os.environ.get("LOCAL_WORLD_SIZE", 0)) or world.world_size
    return world.local_rank % local, local


def _number(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"model_loader_extra_config: {key} is a number of {'threads' if key == 'threads' else 'bytes'}, "
                         f"not {value!r}")
    return value
