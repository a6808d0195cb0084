"""What the hardware gives with nothing else in the way: storage with O_DIRECT, host to GPU.

As a program (`ceilings.py pinned`): copies pinned buffers to the GPU for some seconds and prints a
JSON line. Imported by `run` for the storage.
"""

import argparse
import json
import mmap
import os
import shlex
import statistics
import subprocess
import sys
import threading
import time

FIO = [{"ioengine": "io_uring", "bs": bs, "iodepth": depth, "numjobs": jobs} for bs, depth, jobs in
       (("1M", 16, 1), ("1M", 64, 1), ("1M", 32, 4), ("2M", 16, 1), ("2M", 32, 4), ("4M", 8, 1),
        ("4M", 16, 1), ("4M", 32, 1), ("4M", 16, 2), ("4M", 16, 4), ("4M", 8, 8))]
THREADS = [{"bs": bs << 20, "threads": threads}
           for bs, threads in ((1, 16), (4, 4), (4, 8), (4, 16), (16, 4))]


def fio_works(fio):
    """`fio` is a command line's beginning; the words before the program may set its environment."""
    if not fio:
        return False
    try:
        return subprocess.run([*shlex.split(fio), "--version"], capture_output=True,
                              check=False).returncode == 0
    except OSError:
        return False


def run_fio(fio, files, setting, seconds=None):
    """Bytes and seconds as fio counts them: its own start is not in them."""
    share = 100 // setting["numjobs"]
    command = [*shlex.split(fio), "--name=read", "--rw=read", "--direct=1", "--thread",
               "--readonly", "--group_reporting", "--file_service_type=sequential",
               "--output-format=json",
               f"--size={share}%", f"--offset_increment={share}%",
               "--filename=" + ":".join(str(path) for path in files)]
    command += [f"--{key}={value}" for key, value in setting.items()]
    if seconds:
        command.append(f"--runtime={seconds}")
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    job = json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]["read"]
    return job["io_bytes"], job["runtime"] / 1000


def run_threads(files, setting, seconds=None):
    """The same with threads that preadv with O_DIRECT, one request in flight each."""
    lengths = [os.stat(path).st_size for path in files]
    todo = [(index, offset) for index, length in enumerate(lengths)
            for offset in range(0, length, setting["bs"])]
    todo.reverse()
    done, errors, lock = [0], [], threading.Lock()
    deadline = time.perf_counter() + seconds if seconds else None
    fds = [os.open(path, os.O_RDONLY | os.O_DIRECT) for path in files]

    def work():
        buffer = mmap.mmap(-1, setting["bs"])
        try:
            while deadline is None or time.perf_counter() < deadline:
                with lock:
                    if not todo:
                        return
                    index, offset = todo.pop()
                wanted = min(setting["bs"], lengths[index] - offset)
                got = os.preadv(fds[index], [buffer], offset)
                if got < wanted:
                    raise OSError(f"short read: {got} of {wanted} bytes at {offset}")
                with lock:
                    done[0] += wanted
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(setting["threads"])]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    for fd in fds:
        os.close(fd)
    if errors:
        raise errors[0]
    return done[0], elapsed


class Storage:
    """The best of several O_DIRECT settings; `search` finds it, `read` uses it."""

    def __init__(self, fio):
        self.fio = fio if fio_works(fio) else None
        self.best = None

    def settings(self):
        with_fio = [("fio", setting) for setting in FIO] if self.fio else []
        return with_fio + [("threads", setting) for setting in THREADS]

    def read_with(self, engine, setting, files, seconds=None):
        if engine == "fio":
            return run_fio(self.fio, files, setting, seconds)
        return run_threads(files, setting, seconds)

    def search(self, files, evict, write, seconds=2, deadline=None):
        """Short reads with all settings, then whole ones with the best three."""
        rates = {}

        def attempt(engine, setting, limit):
            if deadline and time.monotonic() > deadline:
                return
            evict(files)
            try:
                got, elapsed = self.read_with(engine, setting, files, limit)
            except (OSError, subprocess.CalledProcessError, ValueError) as error:
                write({"what": "storage_setting", "engine": engine, "setting": setting,
                       "error": str(error)})
                return
            key = json.dumps([engine, setting])
            rates.setdefault(key, []).append(got / elapsed)
            write({"what": "storage_setting", "engine": engine, "setting": setting, "bytes": got,
                   "seconds": elapsed, "bytes_per_s": got / elapsed, "whole": limit is None})

        for engine, setting in self.settings():
            attempt(engine, setting, seconds)
        first = sorted(rates, key=lambda key: -rates[key][0])[:3]
        for key in first:
            attempt(*json.loads(key), None)
        if first:
            self.best = json.loads(max(first, key=lambda key: rates[key][-1]))
        return self.best

    def read(self, files):
        engine, setting = self.best
        return self.read_with(engine, setting, files)


def pinned(buffer_mib, buffers, seconds):
    """Rates of laps of 2 GiB from a ring of pinned buffers into 8 GiB of GPU memory."""
    import torch
    device = "cuda:0"
    ring = [torch.full((buffer_mib << 20,), index, dtype=torch.uint8).pin_memory()
            for index in range(buffers)]
    target = torch.empty(8 << 30, dtype=torch.uint8, device=device)
    places = target.split(buffer_mib << 20)
    lap = (2 << 30) // (buffer_mib << 20)
    rates, place, stop = [], 0, time.perf_counter() + seconds
    torch.cuda.synchronize()
    while time.perf_counter() < stop or len(rates) < 4:
        started = time.perf_counter()
        for index in range(lap):
            places[place % len(places)].copy_(ring[index % buffers], non_blocking=True)
            place += 1
        torch.cuda.synchronize()
        rates.append((lap * buffer_mib << 20) / (time.perf_counter() - started))
    rates = rates[1:]  # the first lap pays for what torch loads once
    return {"laps": len(rates), "bytes_per_s": statistics.median(rates),
            "best_bytes_per_s": max(rates), "buffer_mib": buffer_mib, "buffers": buffers,
            "gpu": torch.cuda.get_device_name(0), "torch": torch.__version__,
            "cuda": torch.version.cuda}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", choices=["pinned"])
    parser.add_argument("--buffer-mib", type=int, default=64)
    parser.add_argument("--buffers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2)
    args = parser.parse_args()
    print(json.dumps(pinned(args.buffer_mib, args.buffers, args.seconds)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
