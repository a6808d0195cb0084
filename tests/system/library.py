"""What tests of the loader as a library share: the C library that was built, the Python package with it
inside, and safetensors files with known bytes."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness import COLDLOAD, SOURCE_DIR, Probe, ScratchTest, environment, needs, plain_build, sync, write_raw_safetensors
from test_published_model import LIBRARY as SAFETENSORS

BUILD_DIR = Path(COLDLOAD).resolve().parent
LIBRARY = BUILD_DIR / "libcoldload.so.1"

# As safetensors 0.8 spells them, with their bits.
DTYPES = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
          "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
          "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64}


def write_file(path, tensors, *, odd=False):
    """A safetensors file of random bytes, its tensors in the order given: {name: (dtype, shape)}. `odd`:
    its data begins at an odd offset, as old writers had it. Returns {name: bytes}."""
    header, data, contents = {}, [], {}
    at = 0
    for name, (dtype, shape) in tensors.items():
        elements = 1
        for length in shape:
            elements *= length
        contents[name] = os.urandom(elements * DTYPES[dtype] // 8)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(contents[name])]}
        at += len(contents[name])
        data.append(contents[name])
    text = json.dumps(header).encode()
    text += b" " * ((1 if odd else 0) - len(text) % 8 + 8)
    write_raw_safetensors(path, text, b"".join(data))
    sync(path)
    return contents


@needs(plain_build(), Probe(LIBRARY.exists(), "libcoldload is not built"))
class LibraryTest(ScratchTest):
    def setUp(self):
        super().setUp()
        # As the wheel has it: the package with the library inside.
        self.packages = self.scratch / "packages"
        shutil.copytree(SOURCE_DIR / "python", self.packages, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(LIBRARY, self.packages / "coldload")

    def package(self):
        sys.path.insert(0, str(self.packages))
        self.addCleanup(sys.path.remove, str(self.packages))
        return importlib.import_module("coldload")

    def python(self, script, *words, interpreter=sys.executable, **options):
        return subprocess.run([interpreter, "-B", "-c", script, *map(str, words)], capture_output=True, text=True,
                              check=False, timeout=120,
                              env={**environment(), "PYTHONPATH": f"{self.packages}:{SAFETENSORS}"}, **options)
