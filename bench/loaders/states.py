"""Where the checkpoint's bytes are before a load, made and then checked with mincore."""

import ctypes
import mmap
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BLOCK = 64 << 20  # of `half`: every second one is resident
STATES = ("cold", "half", "hot", "tmpfs")


class StateError(Exception):
    pass


def resident_pages(path):
    """One byte per page of the file: 1 where it is in the page cache."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int,
                          ctypes.c_int, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    length = os.stat(path).st_size
    pages = ctypes.create_string_buffer((length + mmap.PAGESIZE - 1) // mmap.PAGESIZE)
    fd = os.open(path, os.O_RDONLY)
    try:
        address = libc.mmap(None, length, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
        if address == ctypes.c_void_p(-1).value:
            raise OSError(ctypes.get_errno(), "mmap", str(path))
        if libc.mincore(address, length, pages) != 0:
            raise OSError(ctypes.get_errno(), "mincore", str(path))
        libc.munmap(address, length)
    finally:
        os.close(fd)
    return pages.raw


def resident_share(files):
    """How much of all files' pages is in the page cache, 0 to 1."""
    maps = [resident_pages(path) for path in files]
    return sum(pages.count(1) for pages in maps) / sum(len(pages) for pages in maps)


def evict(files):
    for path in files:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
            for _ in range(100):
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                if resident_pages(path).count(1) == 0:
                    break
                time.sleep(0.02)
            else:
                raise StateError(f"{path} cannot be evicted")
        finally:
            os.close(fd)


def read_through(path, blocks=None):
    """Reads the file, or the numbered blocks of it, into the page cache."""
    buffer = mmap.mmap(-1, 8 << 20)
    length = os.stat(path).st_size
    fd = os.open(path, os.O_RDONLY)
    try:
        if blocks is not None:
            # No readahead past a block's end.
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        for block in range((length + BLOCK - 1) // BLOCK) if blocks is None else blocks:
            offset, end = block * BLOCK, min((block + 1) * BLOCK, length)
            while offset < end:
                view = memoryview(buffer)[:min(len(buffer), end - offset)]
                got = os.preadv(fd, [view], offset)
                if got <= 0:
                    raise StateError(f"{path} ends at {offset}")
                offset += got
    finally:
        os.close(fd)


def warm(files):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read_through, files))


def half_blocks(path):
    """The blocks that `half` makes resident."""
    return range(0, (os.stat(path).st_size + BLOCK - 1) // BLOCK, 2)


def make_half(files):
    evict(files)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda path: read_through(path, half_blocks(path)), files))
    wrong = total = 0
    for path in files:
        pages = resident_pages(path)
        per_block = BLOCK // mmap.PAGESIZE
        for start in range(0, len(pages), per_block):
            part = pages[start:start + per_block]
            wanted = 1 - start // per_block % 2
            wrong += part.count(1 - wanted)
        total += len(pages)
    if wrong > 0.005 * total:
        raise StateError(f"half: {wrong} of {total} pages are not as they should be")


def make(state, files, fresh):
    """Brings `files` into `state`. `fresh`: also what is resident already was read by us, in one
    way, so that no load finds pages as another loader's reads laid them out."""
    if state == "cold":
        evict(files)
    elif state == "half":
        make_half(files)
    elif state == "hot":
        if fresh:
            evict(files)
        # The kernel may reclaim while we read: again, then it is an error.
        for _ in range(3):
            if resident_share(files) < 1:
                warm(files)
    share = resident_share(files)
    if state in ("hot", "tmpfs") and share < 1 or state == "cold" and share > 0:
        raise StateError(f"{state}: {share:.4f} of the pages are resident")
    return share


def mount_of(path):
    """(device number, file system type) of what `path` lies on."""
    best = ("", "", "")
    path = str(Path(path).resolve())
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ", 1)
        _, _, device, _, point = left.split()[:5]
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[2]):
            best = (device, right.split()[0], point)
    return best[0], best[1]


def device_bytes_read(path):
    """What the block device below `path` has delivered since boot; None where there is none."""
    device = os.stat(path).st_dev
    stat = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
    return int(stat.read_text().split()[2]) * 512 if stat.exists() else None


def copy_to_tmpfs(files, directory):
    """Copies the checkpoint. Where `directory` lies on no tmpfs, mounts one and returns True."""
    directory.mkdir(parents=True, exist_ok=True)
    mounted = False
    if mount_of(directory)[1] != "tmpfs":
        size = sum(path.stat().st_size for path in files) + (256 << 20)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "coldload-bench",
                        str(directory)], check=True)
        mounted = True
    beside = {path.name: path for path in files[0].parent.iterdir() if path.is_file()}
    for name, path in sorted(beside.items()):
        target = directory / name
        if not target.exists() or target.stat().st_size != path.stat().st_size:
            shutil.copyfile(path, target)
    return mounted
