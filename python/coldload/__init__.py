"""Loads safetensors checkpoints into host or GPU memory; tensors are there as they land.

    import coldload
    with coldload.open("/models/M") as checkpoint:
        tensors = checkpoint.load("cuda:0")             # {name: Tensor}
        for name, tensor in checkpoint.stream("cpu"):   # as they land, in bounded memory
            array = numpy.from_dlpack(tensor)

Tensors are DLPack producers: torch, numpy and whatever reads DLPack take them without a copy, and the memory
lives as long as anybody has it. Drop-ins for safetensors are in coldload.torch; `vllm serve
--load-format coldload` is in coldload.vllm. What fails raises ValueError for what cannot be asked
for, OSError where the system says why, else RuntimeError; the message names the file.
"""
from __future__ import annotations

import _thread
import atexit
import ctypes
import os
import re
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Union

from coldload import _library
from coldload._library import C, check

__all__ = ["Checkpoint", "Progress", "Stream", "Tensor", "TensorInfo", "open", "__version__"]
__version__: str = C.coldload_version().decode()

Plan = Union[Iterable[str], Mapping[str, Union[slice, None]]]

_TICK_MS = 100  # how long Ctrl-C may wait
_AT_ONCE = 256


class TensorInfo(NamedTuple):
    """What a header says of a tensor."""

    name: str
    dtype: str  # as safetensors spells it: "BF16"
    shape: tuple[int, ...]
    nbytes: int
    path: str  # the file that holds it
    offset: int  # in bytes, in that file


class Progress(NamedTuple):
    """What a load came to."""

    read_bytes: int
    read_s: float  # from its start to the last byte at its destination
    most_held_bytes: int  # of memory, at once
    page_cache_bytes: int  # of read_bytes, read through the page cache


class Tensor:
    """A tensor in memory, or the rows of one that were asked for.

    A DLPack producer: `torch.from_dlpack(tensor)`, `numpy.from_dlpack(tensor)`. The memory is given
    back when this and all that was made from it are gone.
    """

    __slots__ = ("info", "shape", "nbytes", "device", "address", "_memory", "__weakref__")

    info: TensorInfo
    shape: tuple[int, ...]
    nbytes: int
    device: str  # "cpu", "cuda:0"
    address: int  # a pointer, or a CUdeviceptr; 0 where it is empty

    def __init__(self, info: TensorInfo, device: str, loaded: _library.CTensorMemory) -> None:
        self.info = info
        self.shape = (loaded.count, *info.shape[1:]) if info.shape else ()
        self.nbytes = loaded.bytes
        self.device = device
        self.address = loaded.address
        self._memory, loaded.memory = loaded.memory, None  # its owner now

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def dtype(self) -> str:
        """As safetensors spells it: "BF16"."""
        return self.info.dtype

    def __dlpack_device__(self) -> tuple[int, int]:
        index = _gpu(self.device)
        return (_library.CPU, 0) if index is None else (_library.CUDA, index)

    def __dlpack__(self, *, stream: Any = None, max_version: tuple[int, int] | None = None,
                   dl_device: tuple[int, int] | None = None, copy: bool | None = None) -> object:
        """All bytes are there already: no stream has to wait. Raises BufferError for a copy, for
        another device, and for a dtype that DLPack lacks (as_bytes() takes any)."""
        if copy or (dl_device is not None and tuple(dl_device) != self.__dlpack_device__()):
            raise BufferError(f"tensor {self.name!r} is handed over where it lies, on {self.device}, without a copy")
        return _library.capsule(self._memory, max_version is not None and max_version[0] >= 1, False)

    def as_bytes(self) -> object:
        """A DLPack capsule of the same memory, as one dimension of unsigned bytes."""
        return _library.capsule(self._memory, False, True)

    def __repr__(self) -> str:
        return f"<coldload.Tensor {self.name!r} {self.dtype} {list(self.shape)} on {self.device}>"

    # Bound here: at the interpreter's end, the module's names are gone before its objects are.
    def __del__(self, _release: Any = C.coldload_release) -> None:
        memory, self._memory = getattr(self, "_memory", None), None
        if memory:
            _release(memory)


class Stream(Iterator[tuple[str, Tensor]]):
    """A load under way: (name, tensor) as they land. Close it to stop in the middle."""

    def __init__(self, checkpoint: Checkpoint, device: str, options: _library.COptions) -> None:
        self._device = device
        self._infos = checkpoint._infos
        self._landed = (_library.CTensorMemory * _AT_ONCE)()
        self._ready: list[Tensor] = []  # in reverse
        self._turn = _thread.RLock()  # of threads that share it; close() ends no call of another one
        self._progress: Progress | None = None
        self._load: int | None = None
        load = ctypes.c_void_p()
        check(C.coldload_start(checkpoint._opened(), ctypes.byref(options), ctypes.byref(load)))
        self._load = load.value
        _streams.add(self)

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> tuple[str, Tensor]:
        with self._turn:
            while not self._ready:
                if not self._load:
                    raise StopIteration
                self._wait()
            tensor = self._ready.pop()
        return tensor.name, tensor

    def _wait(self) -> None:
        count = ctypes.c_size_t()
        try:
            # Without the interpreter's lock, and not for long: Ctrl-C is looked at in between.
            status = check(C.coldload_next(self._load, _TICK_MS, self._landed, _AT_ONCE, ctypes.byref(count)))
            if status == _library.DONE:
                self._progress = self._measured()
                return self.close()
            loaded = self._landed[:count.value]
            self._ready = [Tensor(self._infos[one.tensor], self._device, one) for one in reversed(loaded)]
        except BaseException:
            for one in self._landed:  # that no Tensor has become the owner of: Ctrl-C may come in between
                C.coldload_release(one.memory)
                one.memory = None
            self.close()
            raise

    def _measured(self) -> Progress:
        progress = _library.CProgress(size=ctypes.sizeof(_library.CProgress))
        check(C.coldload_progress_of(self._load, ctypes.byref(progress)))
        return Progress(progress.read_bytes, progress.read_s, progress.most_held_bytes, progress.page_cache_bytes)

    @property
    def progress(self) -> Progress | None:
        """What the load came to; None before its last tensor has been taken."""
        return self._progress

    def close(self, _end: Any = C.coldload_end) -> None:
        """Stops reading. Tensors that were taken stay."""
        with self._turn:
            load, self._load = self._load, None
            self._ready = []
            if load:
                _end(load)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_load", None):
            self.close()


# Their threads must not outlive the interpreter.
_streams: weakref.WeakSet[Stream] = weakref.WeakSet()


@atexit.register
def _close_streams() -> None:
    for stream in list(_streams):
        stream.close()


class Checkpoint(Mapping[str, TensorInfo]):
    """Headers that have been read: {name: TensorInfo}, file by file, in the order of the data."""

    def __init__(self, handle: ctypes.c_void_p) -> None:
        self._handle = handle.value
        self._infos = [_info(C.coldload_tensor_at(handle, i).contents) for i in range(C.coldload_tensor_count(handle))]
        self._numbers = {info.name: number for number, info in enumerate(self._infos)}

    def __getitem__(self, name: str) -> TensorInfo:
        return self._infos[self._numbers[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def load(self, device: Any = "cpu", plan: Plan | None = None, *, threads: int = 0) -> dict[str, Tensor]:
        """Everything, or what `plan` names, at once and in one piece of memory, which lives until the
        last of these tensors is gone. `device`: "cpu", "cuda", "cuda:1", a number, a torch.device.
        `plan`: names, or {name: slice along the first dimension, or None for all}."""
        if plan is not None and not isinstance(plan, (str, Mapping)):
            plan = list(plan)
        if plan is None and len(self._numbers) < len(self._infos):
            raise ValueError(f"{len(self._infos) - len(self._numbers)} tensor names are in more than one file: "
                             "stream() gives each of them")
        with self.stream(device, plan, window_bytes=0, threads=threads) as stream:
            landed = dict(stream)
        return {name: landed[name] for name in (self._numbers if plan is None else plan)}

    def stream(self, device: Any = "cpu", plan: Plan | None = None, *, window_bytes: int = 1 << 30,
               threads: int = 0, ring_bytes: int = 0, rank: int = 0, ranks: int = 1) -> Stream:
        """(name, tensor), as they land. Memory for at most `window_bytes` is held at once (0: for
        all) and reused as tensors are let go; who holds on to them all gets more. `rank` of `ranks`:
        processes of this machine that load the same at once, so that storage is read once."""
        name = _device_name(device)
        gpu = _gpu(name)
        for word, value, bits in (("threads", threads, 32), ("rank", rank, 32), ("ranks", ranks, 32),
                                  ("window_bytes", window_bytes, 64), ("ring_bytes", ring_bytes, 64)):
            if not 0 <= value < 1 << bits:
                raise ValueError(f"{word} is {value}: a number from 0 on that {bits} bits hold")
        options = _library.COptions(size=ctypes.sizeof(_library.COptions), gpu=-1 if gpu is None else gpu,
                                    threads=threads, ring_bytes=ring_bytes, window_bytes=window_bytes, rank=rank,
                                    ranks=ranks)
        if plan is not None:
            parts = [self._part(name, rows) for name, rows in _items(plan)]
            options.parts = (_library.CPart * max(1, len(parts)))(*parts)
            options.part_count = len(parts)
        return Stream(self, name, options)

    def _part(self, name: str, rows: slice | None) -> _library.CPart:
        number = self._numbers.get(name)
        if number is None:
            raise ValueError(f"the plan names tensor {name!r}, which the checkpoint does not have")
        if rows is None:
            return _library.CPart(number, 0, _library.TO_THE_END)
        shape = self._infos[number].shape
        if not shape:
            raise ValueError(f"the plan slices {name!r}, which is a scalar")
        first, end = rows.start or 0, shape[0] if rows.stop is None else rows.stop
        if rows.step not in (None, 1) or not 0 <= first <= end <= shape[0]:
            raise ValueError(f"the plan asks for {name!r}[{first}:{end}:{rows.step or 1}]: its first dimension has "
                             f"{shape[0]} rows, which are taken in one run")
        return _library.CPart(number, first, end - first)

    def _opened(self) -> int:
        if not self._handle:
            raise ValueError("this checkpoint is closed")
        return self._handle

    def close(self, _close: Any = C.coldload_close) -> None:
        """Loads that were started go on."""
        handle, self._handle = self._handle, None
        if handle:
            _close(handle)

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self.close()


def open(path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> Checkpoint:
    """Reads and checks the headers of a folder's safetensors (those that its index names, if it has
    one), of one file, or of a list of files."""
    handle = ctypes.c_void_p()
    if isinstance(path, (str, os.PathLike)):
        check(C.coldload_open(_path(path), ctypes.byref(handle)))
    else:
        files = [_path(file) for file in path]
        check(C.coldload_open_files((ctypes.c_char_p * max(1, len(files)))(*files), len(files), ctypes.byref(handle)))
    return Checkpoint(handle)


def _path(path: str | os.PathLike[str]) -> bytes:
    name = os.fsencode(path)
    if b"\0" in name:
        raise ValueError(f"{path!r} is no path: it holds a zero byte")
    return name


def _info(tensor: _library.CTensor) -> TensorInfo:
    name = ctypes.string_at(tensor.name, tensor.name_bytes).decode(errors="surrogateescape")
    return TensorInfo(name, tensor.dtype.decode(), tuple(tensor.shape[:tensor.rank]), tensor.bytes,
                      os.fsdecode(tensor.path), tensor.offset)


def _items(plan: Plan) -> Iterable[tuple[str, slice | None]]:
    if isinstance(plan, str):
        raise ValueError(f"a plan is a list of names: [{plan!r}]")
    return plan.items() if isinstance(plan, Mapping) else ((name, None) for name in plan)


def _device_name(device: Any) -> str:
    name = f"cuda:{device}" if isinstance(device, int) else str(device)
    if name == "cuda":  # as torch has it: the current one, where torch is there
        import sys
        torch = sys.modules.get("torch")
        return f"cuda:{torch.cuda.current_device() if torch else 0}"
    if not re.fullmatch(r"cpu|cuda:\d{1,4}", name):
        raise ValueError(f"no device {name!r}: 'cpu', 'cuda' or 'cuda:N'")
    return name


def _gpu(device: str) -> int | None:
    return None if device == "cpu" else int(device[len("cuda:"):])
