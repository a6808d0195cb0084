"""safetensors.torch's load_file and safe_open, on coldload's loader: change the import, nothing else.

    from coldload.torch import load_file, safe_open
"""
from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

import torch

import coldload

__all__ = ["from_tensor", "load_file", "safe_open"]

_DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn",
    "F8_E8M0": "float8_e8m0fnu", "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz", "I16": "int16",
    "U16": "uint16", "F16": "float16", "BF16": "bfloat16", "I32": "int32", "U32": "uint32", "F32": "float32",
    "C64": "complex64", "F64": "float64", "I64": "int64", "U64": "uint64", "F4": "float4_e2m1fn_x2",
}


def from_tensor(tensor: coldload.Tensor) -> torch.Tensor:
    """The same memory as a torch tensor. TypeError for a dtype that this torch lacks."""
    name = _DTYPES.get(tensor.dtype)
    dtype = getattr(torch, name, None) if name else None
    if dtype is None:
        raise TypeError(f"torch {torch.__version__} has no dtype for {tensor.name!r}, which is {tensor.dtype}")
    shape = list(tensor.shape)
    if tensor.dtype == "F4":  # two in a byte, which torch counts as one
        shape[-1] //= 2
    if tensor.nbytes == 0:
        return torch.empty(shape, dtype=dtype, device=tensor.device)
    # By its bytes: every torch takes these, and not every torch each dtype by DLPack.
    return torch.utils.dlpack.from_dlpack(tensor.as_bytes()).view(dtype).reshape(shape)


def load_file(filename: str | os.PathLike[str], device: Any = "cpu") -> dict[str, torch.Tensor]:
    """All tensors of a file, or of a folder's safetensors: {name: tensor}."""
    with coldload.open(filename) as checkpoint:
        loaded = checkpoint.load("cpu" if device is None else device)
        return {name: from_tensor(tensor) for name, tensor in loaded.items()}


class safe_open:  # noqa: N801 - safetensors' name
    """A file whose tensors are loaded one by one; prefetch() those that will all be asked for."""

    def __init__(self, filename: str | os.PathLike[str], framework: str = "pt", device: Any = "cpu") -> None:
        if framework not in ("pt", "torch", "pytorch"):
            raise ValueError(f"framework {framework!r}: this is coldload.torch, which knows 'pt'")
        self._filename = filename
        self._device = "cpu" if device is None else device
        self._checkpoint = coldload.open(filename)
        self._fetched: dict[str, coldload.Tensor] = {}

    def __enter__(self) -> safe_open:
        return self

    def __exit__(self, *_: object) -> None:
        self._fetched = {}
        self._checkpoint.close()

    def keys(self) -> list[str]:
        return sorted(self._checkpoint)

    def offset_keys(self) -> list[str]:
        """In the order of the data."""
        return list(self._checkpoint)

    def metadata(self) -> dict[str, str] | None:
        """The header's __metadata__."""
        with open(self._filename, "rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        metadata: dict[str, str] | None = header.get("__metadata__")
        return metadata

    def prefetch(self, plan: coldload.Plan | None = None) -> None:
        """Loads these at once, or all; get_tensor() then has them, once each."""
        self._fetched.update(self._checkpoint.load(self._device, plan))

    def get_tensor(self, name: str) -> torch.Tensor:
        self._look_up(name)
        fetched = self._fetched.pop(name, None)
        return from_tensor(fetched if fetched is not None else self._load({name: None}))

    def get_tensors(self, names: Iterable[str]) -> dict[str, torch.Tensor]:
        """At once."""
        names = list(names)
        for name in names:
            self._look_up(name)
        return {name: from_tensor(tensor) for name, tensor in self._checkpoint.load(self._device, names).items()}

    def get_slice(self, name: str) -> _Slice:
        self._look_up(name)
        return _Slice(self, self._checkpoint[name])

    def _look_up(self, name: str) -> None:
        if name not in self._checkpoint:
            raise KeyError(f"{os.fspath(self._filename)} has no tensor {name!r}")

    def _load(self, plan: Mapping[str, slice | None]) -> coldload.Tensor:
        (name,) = plan
        few = self._checkpoint[name].nbytes < 64 << 20  # one thread is there sooner
        options = {"threads": 1, "ring_bytes": 8 << 20} if few else {}
        with self._checkpoint.stream(self._device, plan, window_bytes=0, **options) as stream:
            return next(stream)[1]


class _Slice:
    """Reads the rows that an index asks for, and no others."""

    def __init__(self, file: safe_open, info: coldload.TensorInfo) -> None:
        self._file = file
        self._info = info

    def get_shape(self) -> list[int]:
        return list(self._info.shape)

    def get_dtype(self) -> str:
        return self._info.dtype

    def __getitem__(self, index: Any) -> torch.Tensor:
        first, *others = (index if isinstance(index, tuple) else (index,)) or (slice(None),)
        if not self._info.shape or not isinstance(first, slice) or first.step not in (None, 1):
            return from_tensor(self._file._load({self._info.name: None}))[index]
        begin, end, _ = first.indices(self._info.shape[0])
        rows = from_tensor(self._file._load({self._info.name: slice(begin, max(begin, end))}))
        return rows[(slice(None), *others)]
