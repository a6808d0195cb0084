"""Deeper layers of cold: `node` and `first` are verified where the rest of a start was cold, and not
where it was not.

The server is a user's: a script in Python that imports a package of many modules, keeps a cache and
reads the model. Its Python is a copy, as is all that it reads: what other programs of this machine
read meanwhile is no part of the claim.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
import unittest
from pathlib import Path

from harness import (
    FAKE_SERVER,
    ScratchTest,
    can_evict,
    has_fake_server,
    has_fuse,
    is_root,
    needs,
    random_bytes,
    read_notes,
    read_records,
    read_rows,
    run,
    start,
    stop,
    sync,
    write_checkpoint,
)

NOBODY = 65534
SHARD_BYTES = 8 << 20
TABLE_BYTES = 32 << 20
# Of what was read: the kernel may take clean pages back at any time.
LEAST_SEEN = 0.25

# MODEL PORT MODULES: what a start reads is what it imports, its data, its cache and the model.
SERVER = """
import importlib, os, socket, sys
model, port, modules = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
here = os.path.dirname(os.path.abspath(__file__))

def read(path):
    try:
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 20):
                pass
    except FileNotFoundError:
        pass

def read_all(folder):
    for name in sorted(os.listdir(folder)):
        if os.path.isfile(os.path.join(folder, name)):
            read(os.path.join(folder, name))

for i in range(modules):
    importlib.import_module(f"package.m{i}")
read(os.path.join(here, "lib", "package", "table.dat"))
if os.path.isdir(os.path.join(here, "lib", "small")):
    read_all(os.path.join(here, "lib", "small"))

cache = os.environ.get("VLLM_CACHE_ROOT", "")
if cache and not os.path.exists(os.path.join(cache, "graph")):
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(cache, "graph.tmp"), "wb") as file:
        file.write(os.urandom(1 << 20))
    os.rename(os.path.join(cache, "graph.tmp"), os.path.join(cache, "graph"))
elif cache:
    read(os.path.join(cache, "graph"))
read_all(model)

listener = socket.create_server(("127.0.0.1", port))
while True:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
"""

# Does something to a file, says "ready", and holds on until it is killed.
HOLD = {
    "mapped": """
import mmap, sys
with open(sys.argv[1], "rb") as file:
    pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
sum(pages[at] for at in range(0, len(pages), 4096))
""",
    "locked": """
import ctypes, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mlock.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
fd = os.open(sys.argv[1], os.O_RDONLY)
address = libc.mmap(None, 1 << 20, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
if libc.mlock(address, 1 << 20) != 0:
    sys.exit("mlock: " + os.strerror(ctypes.get_errno()))
""",
    # Its pages are in a pipe: the kernel cannot drop them, and nobody maps them.
    "in a pipe": """
import os, sys
out, into = os.pipe()
fd = os.open(sys.argv[1], os.O_RDONLY)
if os.splice(fd, into, 16 * 4096, offset_src=0) <= 0:
    sys.exit("nothing was spliced")
""",
}


def stdlib_files():
    """What the server imports of Python itself."""
    code = ("import importlib, os, socket, sys, encodings.idna, json; print(json.dumps("
            "[getattr(m, '__file__', None) for m in sys.modules.values()]))")
    told = subprocess.run([sys.executable, "-S", "-E", "-c", code], check=True, capture_output=True)
    return [Path(file) for file in json.loads(told.stdout) if file]


class _Layers(ScratchTest):
    modules = 150

    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model", shards=2, shard_bytes=SHARD_BYTES)
        self.out = self.scratch / "out"
        self.app = self.scratch / "app"
        self.package = self.app / "lib" / "package"
        self.package.mkdir(parents=True)
        (self.app / "serve.py").write_text(SERVER, encoding="utf-8")
        (self.package / "__init__.py").touch()
        for i in range(self.modules):
            text = f"NUMBER = {i}\n" + f"# {'x' * 70}\n" * 60
            (self.package / f"m{i}.py").write_text(text, encoding="utf-8")
        (self.package / "table.dat").write_bytes(random_bytes(TABLE_BYTES, seed=5))
        self.home = self.copy_of_python()
        for file in self.scratch.rglob("*"):
            if file.is_file():
                sync(file)

    def copy_of_python(self):
        home = self.scratch / "python"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        standard = Path(os.__file__).parent
        (home / "bin").mkdir(parents=True)
        shutil.copy(os.path.realpath(sys.executable), home / "bin" / "python3")
        for file in stdlib_files():
            if standard not in file.parents:
                continue
            copy = home / "lib" / version / file.relative_to(standard)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
        (home / "lib" / version / "lib-dynload").mkdir(exist_ok=True)
        library = Path(sysconfig.get_config_var("LIBDIR")) / sysconfig.get_config_var("LDLIBRARY")
        self.preload = home / "lib" / library.resolve().name
        if sysconfig.get_config_var("Py_ENABLE_SHARED") and library.exists():
            shutil.copy(library.resolve(), self.preload)
        return home

    def variables(self, app=None):
        return ["--env", f"PYTHONHOME={self.home}",
                "--env", f"PYTHONPATH={(app or self.app) / 'lib'}",
                "--env", "PYTHONDONTWRITEBYTECODE=", "--env", "LC_ALL=C",
                *(("--env", f"LD_PRELOAD={self.preload}") if self.preload.exists() else ())]

    def server(self, app=None, modules=None):
        count = self.modules if modules is None else modules
        return ["--", self.home / "bin" / "python3", "-S", (app or self.app) / "serve.py", "{model}",
                "{port}", str(count)]

    def flags(self, *, node=0, first=0, cold=0, warm=0, app=None):
        return ["--runs", cold, "--warm-runs", warm, "--node-runs", node, "--first-runs", first,
                "--no-floor", "--no-timeline", "--timeout", "100s", "--out", self.out,
                *self.variables(app)]

    def measure(self, *args, expect=0, server=None, app=None, node=0, first=0, cold=0, warm=0, **kw):
        """The records by storage mode, the discarded launch left out, and what was said."""
        result = run(["measure", self.model, *self.flags(node=node, first=first, cold=cold,
                                                         warm=warm, app=app),
                      *args, *(server or self.server(app))], timeout=280, **kw)
        self.assertEqual(result.returncode, expect, result.stderr)
        records = {}
        for record in read_records(self.out):
            records.setdefault(record["storage_mode"], []).append(record)
        return records, result.stderr

    def hold(self, how, path):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD[how] + "\nprint('ready', flush=True)\nsys.stdin.read()",
             str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for end in (process.wait, process.stdin.close, process.stdout.close, process.kill):
            self.addCleanup(end)
        self.assertEqual(process.stdout.readline().strip(), "ready")
        return process

    def assert_verified(self, record):
        self.assertEqual((record["cold"], record["status"]), ("verified", "ok"), record["reason"])

    def group(self, record, name):
        """The sums over the groups of that name."""
        groups = [group for group in record["start_set"]["groups"] if group["group"] == name]
        return {key: sum(group[key] for group in groups)
                for key in ("files", "bytes", "resident_bytes_before", "held_bytes", "came_bytes")}


@needs(can_evict(), is_root())
class Layers(_Layers):
    timeout_s = 300
    address = ("test_each_layer_is_what_it_claims_to_be",)

    def test_each_layer_is_what_it_claims_to_be(self):
        records, _ = self.measure(cold=1, warm=1, node=2, first=2)
        self.assertEqual(set(records), {"path", "path_warm", "path_node", "path_first"})
        layers = {"path": "weights", "path_warm": "warm", "path_node": "node", "path_first": "first"}
        for mode, layer in layers.items():
            for record in records[mode]:
                self.assertEqual(record["layer"], layer)
                self.assertEqual(record["arm"], "path")
        for mode in ("path_node", "path_first"):
            self.assertEqual(len(records[mode]), 2)
            for record in records[mode]:
                self.assert_verified(record)
                program = self.group(record, "program")
                # Each module as what Python compiled in the discarded launch.
                self.assertGreater(program["files"], 2 * self.modules)
                self.assertLessEqual(program["resident_bytes_before"], program["held_bytes"])
                self.assertGreater(program["came_bytes"], TABLE_BYTES * LEAST_SEEN)
        self.assertEqual([record["caches"] for record in records["path_first"]], ["filled"] * 2)
        others = records["path"] + records["path_warm"] + records["path_node"]
        self.assertEqual([record["caches"] for record in others], ["hit"] * len(others))
        for record in records["path_node"]:
            self.assertEqual(record["start_set"]["source"], "fanotify")
            caches = self.group(record, "caches")
            self.assertEqual((caches["files"], caches["resident_bytes_before"]), (1, 0))
            self.assertGreater(caches["came_bytes"], 0)
        for record in records["path_first"]:
            self.assertEqual(self.group(record, "caches")["files"], 0)
        for record in records["path"]:
            self.assertEqual(record["cold"], "verified", record["reason"])
            for group in record["start_set"]["groups"]:
                self.assertIsNone(group["held_bytes"])
        self.assertEqual([read_notes(row)["caches"] for row in read_rows(self.out)],
                         [record["caches"] for record in read_records(self.out)])
        groups = records["path_node"][0]["start_set"]["groups"]
        self.assertEqual(set(groups[0]), {
            "group", "files", "bytes", "resident_bytes_before", "held_bytes", "came_bytes", "mount",
            "fs_type", "is_network"})
        self.assertFalse(any(group["is_network"] for group in groups))

    def test_a_weights_run_finds_all_else_in_memory_after_a_node_run(self):
        records, _ = self.measure("--order", "sequential", cold=2, node=1)
        for record in records["path"]:
            resident = sum(group["resident_bytes_before"] for group in record["start_set"]["groups"])
            # Without the reading hardly any were there.
            self.assertGreater(resident, TABLE_BYTES * LEAST_SEEN)


@needs(can_evict(), is_root())
class WhatStays(_Layers):
    timeout_s = 300

    def test_what_another_process_maps_is_told_apart_and_it_is_named(self):
        for how in ("mapped", "locked"):
            with self.subTest(how):
                shutil.rmtree(self.out, ignore_errors=True)
                holder = self.hold(how, self.package / "table.dat")
                records, _ = self.measure(node=1)
                record = records["path_node"][0]
                self.assert_verified(record)
                self.assertGreaterEqual(self.group(record, "program")["held_bytes"], 1 << 20)
                named = " ".join(record["start_set"]["held_by"])
                self.assertTrue(f"process {holder.pid} (" in named or
                                len(record["start_set"]["held_by"]) == 3, named)
                holder.kill()

    def test_what_stays_though_nobody_maps_it_is_not_cold(self):
        self.hold("in a pipe", self.package / "table.dat")
        records, _ = self.measure(node=1, expect=3)
        record = records["path_node"][0]
        self.assertEqual((record["cold"], record["status"]), ("not_cold", "not_cold"))
        self.assertIn("table.dat", record["reason"])
        self.assertIn("nobody is seen to map it", record["reason"])
        self.assertEqual(read_rows(self.out)[-1]["load_s"], "")

    def test_best_effort_keeps_the_time_and_the_word(self):
        self.hold("in a pipe", self.package / "table.dat")
        records, _ = self.measure("--cold", "best-effort", node=1)
        self.assertEqual((records["path_node"][0]["cold"], records["path_node"][0]["status"]),
                         ("not_cold", "ok"))

    def test_weights_in_memory_do_not_hide_that_the_rest_was_not_cold(self):
        shared = Path(f"/dev/shm/coldload-layers-{os.getpid()}")
        self.addCleanup(shutil.rmtree, shared, ignore_errors=True)
        shutil.copytree(self.model, shared)
        self.model = shared
        records, _ = self.measure(node=1)
        self.assertEqual(records["path_node"][0]["cold"], "not_applicable")
        self.hold("in a pipe", self.package / "table.dat")
        records, _ = self.measure(node=1, expect=3)
        self.assertEqual(records["path_node"][-1]["cold"], "not_cold")

    def test_files_that_vanish_between_launches_do_no_harm(self):
        small = self.app / "lib" / "small"
        small.mkdir()
        for i in range(20):
            (small / f"{i}").write_bytes(b"x" * 5000)
        hook = f'cd {small} && rm "$(ls | head -n 1)"'
        records, _ = self.measure("--prepare", hook, node=2)
        for record in records["path_node"]:
            self.assert_verified(record)
        self.assertEqual(len(list(small.iterdir())), 17)


@needs(can_evict(), is_root(), has_fake_server())
class NothingButTheWeights(_Layers):
    modules = 0

    def test_a_start_that_reads_little_else_has_its_program_cold(self):
        program = self.scratch / "server"
        shutil.copy(FAKE_SERVER, program)
        server = ["--", program, "--model", "{model}", "--port", "{port}", "--read", "full"]
        records, _ = self.measure(node=1, server=server)
        record = records["path_node"][0]
        self.assert_verified(record)
        self.assertGreater(self.group(record, "program")["came_bytes"], 0)


@needs(can_evict(), is_root())
class ManyFiles(_Layers):
    timeout_s = 300
    modules = 10
    small_files = 20_000

    def test_are_all_learned_evicted_and_seen_to_come(self):
        small = self.app / "lib" / "small"
        small.mkdir()
        for i in range(self.small_files):
            (small / f"{i:05}").write_bytes(b"x" * 500)
        subprocess.run(["sync", "-f", small], check=True)
        records, _ = self.measure(node=1)
        record = records["path_node"][0]
        files = self.group(record, "program")["files"]
        self.assertGreater(files, self.small_files)
        self.assert_verified(record)
        self.assertGreaterEqual(self.group(record, "program")["came_bytes"],
                                500 * LEAST_SEEN * files)


@needs(can_evict(), is_root(), has_fuse())
class OnAStandIn(_Layers):
    timeout_s = 300
    modules = 30

    def setUp(self):
        super().setUp()
        self.mount = self.scratch / "net"
        self.shape = start(["shape", self.app, self.mount, "--rate", "500MB/s", "--latency", "1ms",
                            "--no-measure", "--json"], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
        self.addCleanup(stop, self.shape)
        self.assertTrue(self.shape.stdout.readline())

    def test_packages_behind_a_network_are_cold_and_said_to_be_there(self):
        records, _ = self.measure(node=1, first=1, app=self.mount)
        for record in (*records["path_node"], *records["path_first"]):
            self.assert_verified(record)
            groups = [group for group in record["start_set"]["groups"]
                      if group["mount"] == str(self.mount)]
            self.assertEqual([group["is_network"] for group in groups], [True])
            self.assertEqual(groups[0]["fs_type"], "fuse.coldload")
            self.assertEqual(groups[0]["resident_bytes_before"], 0)
            self.assertGreaterEqual(groups[0]["came_bytes"], TABLE_BYTES * LEAST_SEEN)

    def server_of_the_mount(self):
        """The process that serves it: a child of `coldload shape`."""
        told = Path(f"/proc/{self.shape.pid}/task/{self.shape.pid}/children").read_text("ascii")
        return [int(pid) for pid in told.split()]

    def test_an_interrupt_ends_an_eviction_that_hangs(self):
        servers = self.server_of_the_mount()
        self.assertTrue(servers)
        flag = self.scratch / "launched"
        stops = " ".join(map(str, servers))
        hook = f'if [ -e {flag} ]; then kill -STOP {stops}; else touch {flag}; fi'
        for pid in servers:
            self.addCleanup(os.kill, pid, signal.SIGCONT)
        process = start(["measure", self.model, *self.flags(node=1, app=self.mount), "--verbose",
                         "--prepare", hook, *self.server(self.mount)],
                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = []
        for line in process.stderr:
            said.append(line)
            if "node-cold run 1: evict" in line:
                break
        reader = threading.Thread(target=lambda: said.extend(process.stderr))
        reader.start()
        # Many threads evict, and all of them come to files of the mount, where they hang.
        deadline = time.monotonic() + 30
        while len(list(Path(f"/proc/{process.pid}/task").iterdir())) < 16:
            self.assertLess(time.monotonic(), deadline, "".join(said))
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=50)  # without the interrupt it would wait a minute
        finally:
            process.kill()
            process.wait()
            for pid in servers:
                os.kill(pid, signal.SIGCONT)
            reader.join()
            process.stderr.close()
        self.assertEqual(process.returncode, 130, "".join(said))


@needs(can_evict(), is_root())
class WithoutPrivileges(_Layers):
    """As another user, who may not watch openings, and is not told of others' files' pages."""

    def setUp(self):
        super().setUp()
        self.out.mkdir()
        for parent in [self.scratch, *self.scratch.parents]:
            if parent != self.scratch and not os.stat(parent).st_mode & 0o001:
                self.skipTest(f"{parent} is closed to other users")
        self.scratch.chmod(0o755)
        self.give(self.out, self.model)

    def give(self, *paths):
        for path in paths:
            for one in (path, *path.rglob("*")):
                os.chown(one, NOBODY, NOBODY)

    def as_nobody(self, **kw):
        return self.measure(user=NOBODY, group=NOBODY, extra_groups=[],
                            env={"HOME": self.scratch / "nobodys"}, **kw)

    def test_packages_in_python_alone_are_learned_and_verified(self):
        self.give(self.app, self.home)
        records, said = self.as_nobody(node=1, first=1)
        self.assertIn("which files the start opens was not told", said)
        for record in (*records["path_node"], *records["path_first"]):
            self.assert_verified(record)
            self.assertEqual(record["start_set"]["source"], "page_cache")
        record = records["path_node"][0]
        groups = [group for group in record["start_set"]["groups"] if group["group"] == "program"]
        self.assertGreater(sum(group["files"] for group in groups), self.modules)

    def test_where_no_file_of_the_program_is_seen_nothing_is_claimed(self):
        records, _ = self.as_nobody(node=1, first=1, expect=3)
        for record in (*records["path_node"], *records["path_first"]):
            self.assertEqual((record["cold"], record["status"]), ("unknown", "not_cold"))
            self.assertRegex(record["reason"], "no file of the server's program or packages could "
                                               "be seen|cannot be seen")
            program = [group for group in record["start_set"]["groups"]
                       if group["group"] == "program"]
            self.assertTrue(program, "what is mapped is of the set")
            self.assertIsNone(program[0]["resident_bytes_before"])
            self.assertIsNone(program[0]["held_bytes"])


class Refused(ScratchTest):
    address = ("test_what_cannot_be_measured_is_refused_before_anything_is_done",)

    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model")

    def test_what_cannot_be_measured_is_refused_before_anything_is_done(self):
        server = ["--", "no-such-server", "{model}", "{port}"]
        node, first = ["--node-runs", 1], ["--first-runs", 1]
        cases = (
            ([*node], [], "--node-runs needs a server: the native loader reads nothing but"),
            ([*first], [], "--first-runs needs a server"),
            ([*node, "--warmup", 0], server, "--node-runs needs a discarded launch (--warmup 1)"),
            ([*node, "--cold", "off"], server, "--node-runs and --cold off contradict each other"),
            ([*first, "--compile-cache", "keep"], server, "--first-runs needs caches that coldload"),
            ([*first, "--compile-cache", "fresh"], server, "leave --compile-cache at private"),
            (["--runs", 0, "--warm-runs", 0], server, "no runs: one of --runs, --warm-runs"),
            (["--runs", 0, "--warm-runs", 0], [], "no runs: one of --runs, --warm-runs"),
            ([*node, "--runs", "-1"], server, "--runs -1"),
            (["--node-runs", 1001], server, "--node-runs"),
            (["--first-runs", "x"], server, "--first-runs"),
        )
        for flags, command, words in cases:
            with self.subTest(flags=flags):
                self.refused(["measure", self.model, *flags, *command], words)
        staged = ["--stage", f"net:{self.scratch / 'copy'}"]
        paths = ["--path", f"net={self.model}", "--path", f"nvme={self.model}"]
        self.refused(["compare", *paths, *staged, *node, *server],
                     "--node-runs does not go with --stage")
        self.refused(["compare", *paths, "--runs", "auto", *first, *server],
                     "--first-runs needs a number of cold runs")

    def refused(self, args, words):
        out = self.scratch / "out"
        command = [*args]
        at = command.index("--") if "--" in command else len(command)
        command[at:at] = ["--out", out]
        result = run(command)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn(words, result.stderr)
        self.assertFalse(out.exists())


if __name__ == "__main__":
    unittest.main()
