"""The header of a safetensors file, read without any loader: what a load must give back."""

import json
import os
from typing import NamedTuple

TORCH_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64",
    "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}


class Entry(NamedTuple):
    name: str
    torch_dtype: str
    shape: tuple
    begin: int  # bytes from the start of the data
    end: int


def read_header(path):
    """The file's tensors in the order of their data, where the data starts, and its bytes."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        data_start = 8 + length
        data_bytes = os.fstat(file.fileno()).st_size - data_start
    header.pop("__metadata__", None)
    entries = [Entry(name, TORCH_DTYPES[value["dtype"]], tuple(value["shape"]),
                     *value["data_offsets"]) for name, value in header.items()]
    return sorted(entries, key=lambda entry: entry.begin), data_start, data_bytes
