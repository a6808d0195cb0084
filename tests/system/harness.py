"""What system tests share: the binary, scratch folders on a real disk, page-cache truth from
outside, tiny checkpoints, and probes that say why a test cannot run here.

Everything comes from the environment that CMake sets (see CMakeLists.txt), so that the same tests
run against the release, asan and tsan builds:

  COLDLOAD_BINARY    the program under test
  COLDLOAD_SCRATCH   a folder on the disk that holds the build
  COLDLOAD_SANITIZE  empty, or the sanitizers that the binary was built with
  FAKE_SERVER        the compiled fake inference server, if it was built
"""

import contextlib
import csv
import ctypes
import ctypes.util
import functools
import json
import mmap
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import NamedTuple

SOURCE_DIR = Path(__file__).resolve().parents[2]
COLDLOAD = os.environ.get("COLDLOAD_BINARY", str(SOURCE_DIR / "build" / "coldload"))
FAKE_SERVER = os.environ.get("FAKE_SERVER", "")
SANITIZERS = os.environ.get("COLDLOAD_SANITIZE", "")
SCRATCH_ROOT = Path(
    os.environ.get("COLDLOAD_SCRATCH", str(Path(COLDLOAD).resolve().parent / "scratch"))
)

PAGE_BYTES = mmap.PAGESIZE
# An exit code that coldload itself never uses, so that a sanitizer's report cannot pass for an
# expected failure.
SANITIZER_EXIT_CODE = 86

CSV_NAME = "storage_layout_bench.csv"
JSONL_NAME = "storage_layout_bench.jsonl"
MARKDOWN_NAME = "storage_layout_bench.md"


# Running the program.


def environment(changes=None):
    """Our environment without the variables that coldload reads, with `changes` applied."""
    env = dict(os.environ)
    for name in ("MODEL_PATH_NVME", "MODEL_PATH_NET", "RUNS", "MAX_MODEL_LEN", "OUT"):
        env.pop(name, None)
    options = f"exitcode={SANITIZER_EXIT_CODE}:print_stacktrace=1"
    env["ASAN_OPTIONS"] = env["UBSAN_OPTIONS"] = options
    env["TSAN_OPTIONS"] = f"exitcode={SANITIZER_EXIT_CODE}"
    for name, value in (changes or {}).items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = str(value)
    return env


def start(args, *, env=None, **kw):
    """Starts coldload with `args` in a process group of its own. `env` is added to ours; None as a
    value removes a variable. The caller waits; `stop` ends it."""
    kw.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen(
        [COLDLOAD, *map(str, args)],
        env=environment(env),
        text=kw.pop("text", True),
        start_new_session=True,
        **kw,
    )


def stop(process, grace_s=15):
    """Interrupts a started coldload, so that it cleans up behind itself; kills it after `grace_s`."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=grace_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()


def run(args, *, timeout=120, env=None, input=None, **kw):
    """Runs coldload to its end: a CompletedProcess with text output. On a timeout it is interrupted
    first, so that its servers and mounts do not outlive the test; then TimeoutExpired is raised."""
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.PIPE)
    if input is not None:
        kw["stdin"] = subprocess.PIPE
    process = start(args, env=env, **kw)
    try:
        out, err = process.communicate(input, timeout=timeout)
    except subprocess.TimeoutExpired:
        out, err = stop(process)
        raise subprocess.TimeoutExpired(process.args, timeout, out, err) from None
    except BaseException:
        stop(process)
        raise
    check_sanitizers(process.returncode, err)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def check_sanitizers(returncode, err):
    if SANITIZERS and returncode == SANITIZER_EXIT_CODE:
        raise AssertionError(f"a sanitizer ({SANITIZERS}) reported:\n{err}")


_port_claims = []


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on and that no other test, and no coldload,
    gets while this one runs. It lies below the ports that the kernel gives to whoever asks for any: one of these could
    be anybody's before its server listens."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="utf-8") as file:
        first_ephemeral = int(file.read().split()[0])
    for port in random.sample(range(10_000, max(first_ephemeral, 11_000)), 1000):
        claim = socket.socket(socket.AF_UNIX)  # its name goes with this process, however that ends
        try:
            claim.bind(f"\0coldload-port-{port}")
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _port_claims.append(claim)
        return port
    raise AssertionError("none of 1000 ports is free")


def read_rows(directory):
    """The CSV's rows below `directory`, as dictionaries."""
    with open(Path(directory) / CSV_NAME, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_notes(row):
    """The `notes` of one CSV row as a dictionary (values still percent-encoded)."""
    return dict(pair.split("=", 1) for pair in row["notes"].split("; ") if pair)


def read_records(directory):
    """The JSON Lines records below `directory`."""
    with open(Path(directory) / JSONL_NAME, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


# Processes and mounts that a run may have left behind.


def processes_with(mark):
    """(pid, command line) of every process whose environment holds the bytes of `mark`. Pass
    env={"TEST_MARK": unique} to run(), and ask afterwards."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if mark.encode() in (entry / "environ").read_bytes():
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found.append((int(entry.name), command.strip()))
        except OSError:
            continue
    return found


def mounts_below(directory):
    """Mount points at or below `directory`."""
    root = str(Path(directory).resolve())
    points = []
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        point = line.split()[1].replace("\\040", " ")
        if point == root or point.startswith(root + "/"):
            points.append(point)
    return points


# Scratch folders.

# For leaks.py: those that this process made, and what was mounted there when they were to go.
scratch_folders = []
mounts_left = []


def make_scratch():
    """A new folder below COLDLOAD_SCRATCH; the caller removes it (remove_scratch)."""
    SCRATCH_ROOT.mkdir(parents=True, exist_ok=True)
    scratch_folders.append(Path(tempfile.mkdtemp(prefix="test-", dir=SCRATCH_ROOT)))
    return scratch_folders[-1]


def note_stand_ins_left():
    """Before this process leaves a mount namespace, which ends what is mounted there alone: notes for
    leaks.py the stand-ins that coldload should have unmounted."""
    ours = tuple(f"{folder}/" for folder in (*scratch_folders, os.environ.get("XDG_RUNTIME_DIR", "")))
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, point, kind = line.split()[:3]
        if kind == "fuse.coldload" and point.startswith(ours):
            mounts_left.append(point)


def remove_scratch(directory):
    """Unmounts what a test left mounted below, which fails it, then removes the folder."""
    for point in sorted(mounts_below(directory), reverse=True):
        mounts_left.append(point)
        command = ["umount", "-l", point] if os.geteuid() == 0 else ["fusermount3", "-uz", point]
        subprocess.run(command, check=False, capture_output=True)
    shutil.rmtree(directory, ignore_errors=True)


class ScratchTest(unittest.TestCase):
    """A test with a folder of its own on the real disk: self.scratch, removed afterwards."""

    def setUp(self):
        super().setUp()
        self.scratch = make_scratch()
        self.addCleanup(remove_scratch, self.scratch)


# Checkpoints.

DTYPE_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I8": 1, "U8": 1}


def random_bytes(count, seed=0):
    """Incompressible, and the same for the same seed."""
    return random.Random(seed).randbytes(count)


def write_raw_safetensors(path, header, data=b""):
    """Writes a header (a dict, or bytes for one that is broken on purpose) and data as they are."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw + data)


def write_safetensors(path, tensors, seed=0):
    """Writes a valid file. `tensors`: name -> (dtype, shape). Returns the bytes of the weights."""
    header, offset = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = DTYPE_BYTES[dtype]
        for extent in shape:
            size *= extent
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    write_raw_safetensors(path, header, random_bytes(offset, seed))
    return offset


def write_checkpoint(directory, *, shards=1, shard_bytes=1 << 20, index=None):
    """A small valid checkpoint: config.json and `shards` files of about `shard_bytes` each, with an
    index if there are several (or index=True). Returns the path; all of it is on disk (fsync)."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64}
    (directory / "config.json").write_text(json.dumps(config), encoding="utf-8")
    weight_map, total = {}, 0
    for shard in range(shards):
        name = (
            "model.safetensors" if shards == 1
            else f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        )
        rows = max(1, shard_bytes // (2 * 64 * 2))
        tensors = {f"layer.{shard}.{part}.weight": ("BF16", (rows, 64)) for part in ("a", "b")}
        total += write_safetensors(directory / name, tensors, seed=shard)
        weight_map.update({tensor: name for tensor in tensors})
    if index if index is not None else shards > 1:
        content = {"metadata": {"total_size": total}, "weight_map": weight_map}
        path = directory / "model.safetensors.index.json"
        path.write_text(json.dumps(content), encoding="utf-8")
    for file in directory.iterdir():
        sync(file)
    return directory


# The page cache, seen from outside coldload.

_libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                       ctypes.c_long]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]


class PageView:
    """A file opened and mapped once, without access, so that looking at its pages changes nothing;
    on a FUSE mount without keep_cache another open would empty its cache."""

    def __init__(self, path):
        self.descriptor = os.open(path, os.O_RDONLY)
        self._size = os.fstat(self.descriptor).st_size
        self._address = None
        if self._size:
            address = _libc.mmap(None, self._size, 0, mmap.MAP_SHARED, self.descriptor, 0)
            if address in (None, ctypes.c_void_p(-1).value):
                raise OSError(ctypes.get_errno(), "mmap", str(path))
            self._address = address

    @property
    def pages(self):
        return (self._size + PAGE_BYTES - 1) // PAGE_BYTES

    def resident_pages(self):
        if self._address is None:
            return 0
        vector = ctypes.create_string_buffer(self.pages)
        if _libc.mincore(self._address, self._size, vector) != 0:
            raise OSError(ctypes.get_errno(), "mincore")
        return sum(byte & 1 for byte in vector.raw)

    def close(self):
        if self._address is not None:
            _libc.munmap(self._address, self._size)
        os.close(self.descriptor)


def resident_pages(path):
    """(resident, all) pages of a file. Opens it: see PageView."""
    view = PageView(path)
    try:
        return view.resident_pages(), view.pages
    finally:
        view.close()


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def evict(path, patience_s=2):
    """Asks the kernel to drop a file's pages, again and again for `patience_s` where some stay: it
    passes over what it holds at that moment. Returns how many are still resident."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        deadline = time.monotonic() + patience_s
        while True:
            os.fdatasync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            left = resident_pages(path)[0]
            if left == 0 or time.monotonic() > deadline:
                return left
            time.sleep(0.02)
    finally:
        os.close(descriptor)


def warm(path):
    """Reads a file as a whole through the page cache."""
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


@contextlib.contextmanager
def kept(path):
    """Reads a file and keeps it in the page cache meanwhile, by mapping it: clean pages are the
    kernel's to take at any time (some machines reclaim every few seconds), but hardly mapped ones."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        sum(pages[at] for at in range(0, len(pages), PAGE_BYTES))
        yield


def passes_mostly(attempt, tries=15):
    """Calls `attempt` until it has passed two times more often than not: each call answers "", or
    what was wrong. For what the kernel may spoil in any one try: it takes clean pages when it likes
    (some machines do so every few seconds). What coldload itself does wrong in three of four tries
    is found nine times of ten so, and in nine of ten tries, nearly always. Where coldload might
    evict what is to stay, `kept` would hide it."""
    ahead, problems = 0, []
    for _ in range(tries):
        problem = attempt()
        ahead += -1 if problem else 1
        if ahead == 2:
            return
        if problem:
            problems.append(problem)
    raise AssertionError(f"{len(problems)} of {tries} tries failed: " + "; ".join(problems))


def files_of(directory):
    return sorted(path for path in Path(directory).iterdir() if path.is_file())


# What this machine allows. A probe is false with a reason; `needs` skips with that reason.


class Probe(NamedTuple):
    ok: bool
    reason: str = ""

    def __bool__(self):
        return self.ok


def needs(*probes):
    """Decorator for tests and classes: skips, with the reason, unless all probes hold."""
    for probe in probes:
        if not probe:
            return unittest.skip(probe.reason)
    return lambda item: item


def is_root():
    return Probe(os.geteuid() == 0, "needs root")


def plain_build():
    """False under sanitizers: for tests of speed, size, or memory."""
    return Probe(not SANITIZERS, f"says nothing about a build with sanitizers ({SANITIZERS})")


def has_fake_server():
    return Probe(bool(FAKE_SERVER) and os.access(FAKE_SERVER, os.X_OK), "no fake server was built")


def has_command(name):
    return Probe(shutil.which(name) is not None, f"needs the command {name}")


@functools.lru_cache(maxsize=None)
def has_fuse():
    """Whether this process may mount a FUSE file system: tried, not guessed, as root."""
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        return Probe(False, f"cannot open /dev/fuse: {error.strerror}")
    if os.geteuid() != 0:
        os.close(device)
        return Probe(shutil.which("fusermount3") is not None,
                     "needs fusermount3 (package fuse3) or root to mount FUSE")
    point = tempfile.mkdtemp(prefix="coldload-probe-")
    try:
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
        if _libc.mount(b"probe", point.encode(), b"fuse", 0, options) != 0:
            reason = os.strerror(ctypes.get_errno())
            return Probe(False, f"root may not mount FUSE here: {reason}")
        _libc.umount2(point.encode(), 2)  # MNT_DETACH
        return Probe(True)
    finally:
        os.close(device)
        os.rmdir(point)


@functools.lru_cache(maxsize=None)
def can_evict():
    """Whether the disk below COLDLOAD_SCRATCH has a page cache that can be emptied and seen."""
    directory = make_scratch()
    try:
        path = directory / "probe"
        path.write_bytes(random_bytes(1 << 20))
        sync(path)
        warm(path)
        if resident_pages(path)[0] == 0:
            return Probe(False, f"page residency cannot be seen in {SCRATCH_ROOT}")
        left = evict(path)
        return Probe(left == 0, f"eviction leaves {left} of 256 pages in {SCRATCH_ROOT} (tmpfs?)")
    finally:
        remove_scratch(directory)
