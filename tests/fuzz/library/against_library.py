#!/usr/bin/env python3
"""Headers as we and as the safetensors library read them: against_library.py READ_HEADERS [COUNT]

COUNT files (2000), each made from another, valid or nearly, by changing a few places. What we accept
the library accepts, with the same tensors. What it accepts and we do not is one of the things that
src/model/safetensors.h names. Exit code 77 where the library is not to be had.
"""

import collections
import json
import random
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "system"))
import test_published_model as published  # noqa: E402

# Reads files of the names that come in; a tensor's data stands for its size.
THEIRS = """
import json, pathlib, sys
sys.path.insert(0, sys.argv[1])
import safetensors
for path in sys.stdin.read().splitlines():
    try:
        read = safetensors.deserialize(pathlib.Path(path).read_bytes())
        print(json.dumps([[n, t["dtype"], list(t["shape"]), len(t["data"])] for n, t in read]))
    except Exception as error:
        print(json.dumps(str(error) or repr(error)))
"""
# Of what the library lets pass.
OURS_ALONE = ("twice", "does not begin with", "is no object", "is not an object")
PIECES = (b'"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},', b'"dtype":"F16",', b'"shape":[],',
          b'[1,2]', b'0', b'-1', b'1e2', b'18446744073709551616', b' ', b'\\u0041', b'{', b'}', b'"',
          b'"__metadata__":{"k":"v"},', b'"__metadata__":{},', b'"F4"', b'"BOOL"', b'null', b'\xff')


def changed(random_source, header):
    """The bytes with one to three places changed."""
    for _ in range(random_source.randint(1, 3)):
        at = random_source.randrange(len(header) + 1)
        to = at + random_source.choice((0, 1, 2, random_source.randrange(12)))
        piece = random_source.choice((b"", random_source.choice(PIECES), header[at:to][::-1]))
        header = header[:at] + piece + header[to:]
    return header


def valid_header(random_source):
    """(JSON, bytes of data)"""
    tensors, end = {}, 0
    for number in range(random_source.randrange(4)):
        dtype, width = random_source.choice((("U8", 1), ("BF16", 2), ("F32", 4), ("F64", 8)))
        shape = [random_source.randrange(4) for _ in range(random_source.randrange(3))]
        begin = end
        extent = width
        for one in shape:
            extent *= one
        end += extent
        tensors[f"t{number}"] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(tensors, separators=random_source.choice(((",", ":"), (", ", ": "))))
    return text.encode() + b" " * random_source.randrange(3), end


def write_files(folder, count):
    random_source = random.Random(16)
    for number in range(count):
        header, data = valid_header(random_source)
        if random_source.random() < 0.9:
            header = changed(random_source, header)
        length = len(header) + random_source.choice((0,) * 18 + (1, -1))
        data = max(0, data + random_source.choice((0,) * 18 + (1, -1)))
        path = folder / f"{number:05}"
        path.write_bytes(struct.pack("<Q", max(0, length)) + header + b"x" * data)
        yield path


def main():
    program, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    try:
        published.install_library()
    except unittest.SkipTest as reason:
        print(f"SKIP: {reason}")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        paths = list(write_files(Path(folder), count))
        ours = subprocess.run([program, *paths], check=True, capture_output=True).stdout
        theirs = subprocess.run([sys.executable, "-c", THEIRS, published.LIBRARY], check=True,
                                input="\n".join(map(str, paths)), capture_output=True, text=True)
        answers = list(zip(paths, map(json.loads, ours.splitlines()),
                           map(json.loads, theirs.stdout.splitlines()), strict=True))
        wrong = [(path.read_bytes(), our, their) for path, our, their in answers
                 if not agree(our, their)]
    for content, our, their in wrong[:10]:
        print(f"{content}\n  coldload: {our}\n  library:  {their}")
    kinds = collections.Counter((isinstance(our, list), isinstance(their, list))
                                for _, our, their in answers)
    print(f"{count} files: {kinds[True, True]} accepted by both, {kinds[False, False]} refused by "
          f"both, {kinds[False, True]} by us alone, {len(wrong)} not as they should be")
    # Files that all are refused would show nothing.
    return 1 if wrong or kinds[True, True] < count / 20 or kinds[False, False] < count / 20 else 0


def agree(ours, theirs):
    if isinstance(ours, list):
        return isinstance(theirs, list) and sorted(ours) == sorted(theirs)
    return not isinstance(theirs, list) or any(words in ours for words in OURS_ALONE)


if __name__ == "__main__":
    sys.exit(main())
