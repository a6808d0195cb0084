"""The C library beside this file, as ctypes sees it: the structures and functions of coldload.h."""
from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, Structure, c_char_p, c_double, c_int, c_int32, c_size_t, c_uint32, c_uint64, c_void_p

ABI = 1
OK, DONE, WAITING, FAILED, INVALID = 0, 1, 2, -1, -2
TO_THE_END = 2**64 - 1
CPU, CUDA = 1, 2  # DLPack's numbers for kinds of devices


class CTensor(Structure):
    _fields_ = [("name", c_void_p), ("name_bytes", c_size_t), ("dtype", c_char_p), ("shape", POINTER(c_uint64)),
                ("rank", c_size_t), ("bytes", c_uint64), ("path", c_char_p), ("offset", c_uint64)]


class CPart(Structure):
    _fields_ = [("tensor", c_size_t), ("first", c_uint64), ("count", c_uint64)]


class COptions(Structure):
    _fields_ = [("size", c_size_t), ("gpu", c_int32), ("threads", c_uint32), ("ring_bytes", c_uint64),
                ("window_bytes", c_uint64), ("rank", c_uint32), ("ranks", c_uint32), ("parts", POINTER(CPart)),
                ("part_count", c_size_t)]


class CTensorMemory(Structure):
    _fields_ = [("tensor", c_size_t), ("first", c_uint64), ("count", c_uint64), ("bytes", c_uint64),
                ("address", c_uint64), ("memory", c_void_p)]


class CProgress(Structure):
    _fields_ = [("size", c_size_t), ("read_bytes", c_uint64), ("read_s", c_double), ("most_held_bytes", c_uint64),
                ("page_cache_bytes", c_uint64)]


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(os.path.join(os.path.dirname(os.path.abspath(__file__)), "libcoldload.so.1"))
    out = POINTER(c_void_p)
    for name, result, arguments in (
            ("abi", c_uint32, ()),
            ("version", c_char_p, ()),
            ("error", c_char_p, ()),
            ("error_number", c_int, ()),
            ("open", c_int, (c_char_p, out)),
            ("open_files", c_int, (POINTER(c_char_p), c_size_t, out)),
            ("close", None, (c_void_p,)),
            ("tensor_count", c_size_t, (c_void_p,)),
            ("tensor_at", POINTER(CTensor), (c_void_p, c_size_t)),
            ("start", c_int, (c_void_p, POINTER(COptions), out)),
            ("next", c_int, (c_void_p, c_uint32, POINTER(CTensorMemory), c_size_t, POINTER(c_size_t))),
            ("progress_of", c_int, (c_void_p, POINTER(CProgress))),
            ("end", None, (c_void_p,)),
            ("release", None, (c_void_p,)),
            ("dlpack", c_int, (c_void_p, c_int, c_int, out)),
            ("dlpack_drop_capsule", None, (c_void_p,))):
        function = getattr(library, "coldload_" + name)
        function.restype, function.argtypes = result, list(arguments)
    if library.coldload_abi() != ABI:
        raise ImportError(f"libcoldload.so.1 has ABI {library.coldload_abi()}, this package {ABI}: install coldload again")
    return library


C = _load()


def check(status: int) -> int:
    """The status, unless it is a failure: then ValueError for what cannot be, OSError where the system
    said why, else RuntimeError."""
    if status >= 0:
        return status
    message = C.coldload_error().decode(errors="replace")
    if status == INVALID:
        raise ValueError(message)
    number = C.coldload_error_number()
    if number:
        raise OSError(number, message)
    raise RuntimeError(message)


_capsule_new = ctypes.pythonapi.PyCapsule_New
_capsule_new.restype, _capsule_new.argtypes = ctypes.py_object, [c_void_p, c_void_p, c_void_p]
# Not in Python: it may run while an exception is on its way, and after this module is gone. So the
# names stay, too.
_drop_capsule = ctypes.cast(C.coldload_dlpack_drop_capsule, c_void_p)
_CAPSULES = tuple(ctypes.create_string_buffer(name) for name in (b"dltensor", b"dltensor_versioned"))
for _name in _CAPSULES:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_name))


def capsule(memory: int, versioned: bool, as_bytes: bool) -> object:
    """A DLPack capsule that shares `memory`. Raises BufferError where DLPack has no such dtype."""
    managed = c_void_p()
    try:
        check(C.coldload_dlpack(memory, versioned, as_bytes, ctypes.byref(managed)))
    except ValueError as error:
        raise BufferError(str(error)) from None
    return _capsule_new(managed, ctypes.addressof(_CAPSULES[versioned]), _drop_capsule)
