"""The Python package: by itself, with numpy, and against what the safetensors library makes of the same
files."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import unittest

from harness import (COLDLOAD, SOURCE_DIR, Probe, environment, has_fuse, needs, write_checkpoint)
from library import DTYPES, LibraryTest, write_file
from test_published_model import fetch_model, install_library

WITH_NUMPY = SOURCE_DIR / ".cache" / "examples" / "bin" / "python"


def bytes_of(tensor):
    """What a Tensor of the package holds, through its DLPack capsule's bytes."""
    return ctypes.string_at(tensor.address, tensor.nbytes) if tensor.nbytes else b""


class PythonPackage(LibraryTest):
    def assert_right(self, tensors, contents):
        self.assertEqual(set(tensors), set(contents))
        for name, tensor in tensors.items():
            self.assertEqual(bytes_of(tensor), contents[name], name)

    def test_loads_every_dtype_wherever_it_lies(self):
        coldload = self.package()
        for odd in (False, True):
            tensors = {name: (name, (2, 4)) for name in DTYPES}
            tensors |= {"empty": ("F32", (0, 3)), "scalar": ("F64", ()), "byte": ("U8", (1,)), "after": ("F64", (3,))}
            contents = write_file(self.scratch / "odd.safetensors", tensors, odd=odd)
            checkpoint = coldload.open(self.scratch / "odd.safetensors")
            loaded = checkpoint.load()
            self.assert_right(loaded, contents)
            for name, (dtype, shape) in tensors.items():
                self.assertEqual((loaded[name].dtype, loaded[name].shape), (dtype, shape))
                self.assertEqual(loaded[name].address % max(1, DTYPES[dtype] // 8), 0, name)
                self.assertEqual(checkpoint[name].nbytes, len(contents[name]))

    def test_streams_a_folder_in_a_window_that_is_never_wider_than_said(self):
        coldload = self.package()
        model = write_checkpoint(self.scratch / "model", shards=3, shard_bytes=12 << 20)
        checkpoint = coldload.open(model)
        with checkpoint.stream(window_bytes=16 << 20) as stream:
            taken = {}
            for name, tensor in stream:
                taken[name] = bytes_of(tensor)
                del tensor
            self.assertLessEqual(stream.progress.most_held_bytes, 16 << 20)
        self.assert_right(checkpoint.load(), taken)
        held = dict(checkpoint.stream(window_bytes=4 << 20))  # who keeps all of them gets all of them
        self.assert_right(held, taken)

    def test_loads_the_rows_of_a_plan(self):
        coldload = self.package()
        contents = write_file(self.scratch / "x.safetensors", {"a": ("F32", (10, 8)), "b": ("I64", ()), "c": ("U8", (9,))})
        checkpoint = coldload.open(self.scratch / "x.safetensors")
        loaded = checkpoint.load(plan={"a": slice(2, 5), "b": None})
        self.assertEqual(loaded["a"].shape, (3, 8))
        self.assert_right(loaded, {"a": contents["a"][64:160], "b": contents["b"]})
        for plan, said in (({"d": None}, "'d', which the checkpoint does not have"), ({"b": slice(0, 1)}, "a scalar"),
                           ({"a": slice(8, 11)}, "has 10 rows"), ({"a": slice(0, 4, 2)}, "in one run"), ("a", "a list")):
            with self.assertRaisesRegex(ValueError, said):
                checkpoint.load(plan=plan)

    def test_refuses_what_cannot_be(self):
        coldload = self.package()
        write_file(self.scratch / "x.safetensors", {"a": ("U8", (4,))})
        (self.scratch / "bad.safetensors").write_bytes(b"\7\0\0\0\0\0\0\0{\"a\":7}")
        with self.assertRaises(FileNotFoundError):
            coldload.open(self.scratch / "gone")
        with self.assertRaisesRegex(RuntimeError, "bad.safetensors"):
            coldload.open([self.scratch / "x.safetensors", self.scratch / "bad.safetensors"])
        with self.assertRaisesRegex(RuntimeError, "no files"):
            coldload.open([])
        checkpoint = coldload.open(self.scratch / "x.safetensors")
        with self.assertRaisesRegex(ValueError, "no device"):
            checkpoint.load("tpu")
        with self.assertRaisesRegex(ValueError, "rank 3 of 2"):
            checkpoint.stream(rank=3, ranks=2)
        checkpoint.close()
        with self.assertRaisesRegex(ValueError, "closed"):
            checkpoint.load()

    def test_a_file_that_changes_is_an_error_that_names_it(self):
        coldload = self.package()
        path = self.scratch / "x.safetensors"
        write_file(path, {"a": ("U8", (3 << 20,))})
        for change in (lambda: os.truncate(path, 1 << 20), lambda: path.write_bytes(path.read_bytes())):
            write_file(path, {"a": ("U8", (3 << 20,))})
            checkpoint = coldload.open(path)
            os.utime(path, ns=(1, 1))
            change()
            with self.assertRaisesRegex(RuntimeError, f"{path}: it changed"):
                checkpoint.load()

    def test_ranks_read_all_and_leave_it_in_the_page_cache_for_each_other(self):
        coldload = self.package()
        model = write_checkpoint(self.scratch / "model", shards=2, shard_bytes=8 << 20)
        checkpoint = coldload.open(model)
        alone = {name: bytes_of(tensor) for name, tensor in checkpoint.load().items()}
        streams = [checkpoint.stream(rank=rank, ranks=2, window_bytes=8 << 20) for rank in range(2)]
        firsts = [next(stream) for stream in streams]
        self.assertNotEqual(firsts[0][0], firsts[1][0])
        for (name, tensor), stream in zip(firsts, streams):
            self.assert_right({name: tensor} | dict(stream), alone)
            self.assertEqual(stream.progress.page_cache_bytes, stream.progress.read_bytes)

    def test_a_hundred_thousand_tensors(self):
        coldload = self.package()
        contents = write_file(self.scratch / "x.safetensors", {f"t{i}": ("U8", (7,)) for i in range(100_000)})
        self.assert_right(coldload.open(self.scratch / "x.safetensors").load(), contents)

    def test_threads_may_load_at_once(self):
        coldload = self.package()
        contents = write_file(self.scratch / "x.safetensors", {f"t{i}": ("U8", (1 << 20,)) for i in range(30)})
        checkpoint = coldload.open(self.scratch / "x.safetensors")
        problems = []

        def load():
            try:
                self.assert_right(dict(checkpoint.stream(window_bytes=8 << 20)), contents)
            except BaseException as problem:  # pylint: disable=broad-except
                problems.append(problem)
        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])

    def test_whoever_stops_in_the_middle_raises_or_exits_leaves_nothing_waiting(self):
        write_file(self.scratch / "x.safetensors", {f"t{i}": ("U8", (1 << 20,)) for i in range(40)})
        for line in ("next(stream); sys.exit(3)", "next(stream); del stream; sys.exit(3)", "sys.exit(3)",
                     "held = list(stream); sys.exit(3)", "capsule = next(stream)[1].__dlpack__(); sys.exit(3)",
                     "next(stream)[1].__dlpack__(); stream.close(); sys.exit(3)"):
            done = self.python(f"import coldload, sys\nstream = coldload.open(sys.argv[1]).stream(window_bytes=4 << 20)\n{line}",
                               self.scratch / "x.safetensors")
            self.assertEqual((done.returncode, done.stderr), (3, ""), line)

    def test_ctrl_c_leaks_no_memory(self):
        """Whenever it comes: raised by the call that has just brought tensors."""
        write_file(self.scratch / "x.safetensors", {f"t{i}": ("U8", (1 << 20,)) for i in range(8)})
        done = self.python("""if True:
            import sys, coldload
            real, brought, released = coldload.C, [], []
            class Interrupting:
                def __getattr__(self, name):
                    return getattr(real, name)
                def coldload_next(self, load, wait_ms, landed, capacity, count):
                    status = real.coldload_next(load, wait_ms, landed, capacity, count)
                    brought.extend(landed[i].memory for i in range(count._obj.value))
                    if brought:
                        raise KeyboardInterrupt
                    return status
                def coldload_release(self, memory):
                    if memory:
                        released.append(memory)
                    real.coldload_release(memory)
            coldload.C = Interrupting()
            try:
                coldload.open(sys.argv[1]).load()
            except KeyboardInterrupt:
                print(len(brought) > 0, brought == released)
            """, self.scratch / "x.safetensors")
        self.assertEqual(done.stdout, "True True\n", done.stderr)

    def test_one_thread_may_end_what_another_one_waits_for(self):
        write_file(self.scratch / "x.safetensors", {f"t{i}": ("U8", (1 << 20,)) for i in range(40)})
        done = self.python("""if True:
            import sys, threading, coldload
            checkpoint = coldload.open(sys.argv[1])
            for _ in range(30):
                stream = checkpoint.stream(window_bytes=4 << 20)
                taking = threading.Thread(target=lambda: [None for _ in stream])
                taking.start()
                stream.close()
                taking.join()
            """, self.scratch / "x.safetensors")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_what_cannot_be_a_number_or_a_path_is_said(self):
        coldload = self.package()
        write_file(self.scratch / "x.safetensors", {"a": ("U8", (4,)), "b": ("U8", (4,))})
        checkpoint = coldload.open(self.scratch / "x.safetensors")
        self.assertEqual(set(checkpoint.load(plan=(name for name in "ab"))), {"a", "b"})
        for options in ({"threads": -1}, {"window_bytes": -1}, {"device": "cuda:4294967295"}, {"plan": ["a", "a"]}):
            with self.assertRaises(ValueError):
                checkpoint.stream(**options)
        with self.assertRaisesRegex(ValueError, "zero byte"):
            coldload.open(f"{self.scratch}/x.safetensors\0z")

    def test_a_child_of_a_fork_is_refused_and_may_start_anew(self):
        write_file(self.scratch / "x.safetensors", {"t": ("U8", (5 << 20,))})
        done = self.python("""if True:
            import coldload, os, sys
            checkpoint = coldload.open(sys.argv[1])
            stream = checkpoint.stream()
            child = os.fork()
            if child == 0:
                try:
                    next(stream)
                except ValueError as error:
                    print(error, flush=True)
                print(checkpoint.load()["t"].nbytes, flush=True)
                os._exit(0)
            os.waitpid(child, 0)
            print(next(stream)[1].nbytes)
            """, self.scratch / "x.safetensors")
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, r"^this load was started before a fork: .*\n5242880\n5242880\n$")

    @needs(has_fuse())
    def test_ctrl_c_ends_a_wait_for_slow_storage(self):
        source, mount = self.scratch / "source", self.scratch / "mount"
        source.mkdir()
        write_file(source / "x.safetensors", {"t": ("U8", (64 << 20,))})
        shaped = subprocess.Popen([COLDLOAD, "shape", source, mount, "--rate", "1MB/s", "--no-measure"],
                                  stdout=subprocess.PIPE, env=environment())
        self.addCleanup(shaped.communicate)
        self.addCleanup(shaped.terminate)
        self.assertTrue(shaped.stdout.readline())
        process = subprocess.Popen(
            [sys.executable, "-B", "-c", """if True:
                import coldload, sys
                stream = coldload.open(sys.argv[1]).stream()
                try:
                    print("waiting", flush=True)
                    next(stream)
                except KeyboardInterrupt:
                    print("interrupted", flush=True)
                """, mount / "x.safetensors"],
            stdout=subprocess.PIPE, text=True, env={**environment(), "PYTHONPATH": str(self.packages)})
        self.assertEqual(process.stdout.readline(), "waiting\n")
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=100)[0]
        self.assertEqual((said, process.returncode), ("interrupted\n", 0))

    def test_importing_it_loads_nothing_that_is_not_pythons_own(self):
        done = self.python("import sys; before = set(sys.modules); import coldload; print(sorted({name.split('.')[0] "
                           "for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))")
        self.assertEqual(done.stdout, "['coldload']\n", done.stderr)
        self.assertLess(sum(file.stat().st_size for file in (self.packages / "coldload").iterdir()), 5 << 20)


@needs(Probe(WITH_NUMPY.exists(), "no numpy in .cache/examples: script/bootstrap brings it"))
class WithNumpy(LibraryTest):
    def test_takes_tensors_without_a_copy_and_keeps_their_memory(self):
        write_file(self.scratch / "x.safetensors",
                   {name: (name, (3, 2)) for name in ("F32", "I16", "U64", "F16", "BOOL", "F64", "C64", "BF16")})
        done = self.python("""if True:
            import gc, sys, coldload, numpy
            tensors = coldload.open(sys.argv[1]).load()
            data = open(sys.argv[1], "rb").read()
            arrays = {name: numpy.from_dlpack(tensor) for name, tensor in tensors.items() if name not in ("BF16",)}
            for name, array in arrays.items():
                assert array.ctypes.data == tensors[name].address, name
                assert array.shape == (3, 2), array.shape
            bits = {name: (tensor.info.offset, tensor.nbytes) for name, tensor in tensors.items()}
            try:
                numpy.from_dlpack(tensors["BF16"])
            except Exception as error:
                print("numpy says:", error)
            del tensors
            gc.collect()
            for name, array in arrays.items():
                offset, size = bits[name]
                assert array.tobytes() == data[offset:offset + size], name
            arrays["F32"][0, 0] = 7
            print(arrays["F32"][0, 0])
            """, self.scratch / "x.safetensors", interpreter=WITH_NUMPY)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1], "7.0", done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, "numpy says: .*dtype")  # its own words, when it has thrown a capsule away


class AsSafetensorsReadsIt(LibraryTest):
    timeout_s = 600

    def test_every_tensor_of_a_published_model_has_the_bytes_that_the_library_reads(self):
        model = fetch_model()
        install_library()
        done = self.python("""if True:
            import ctypes, pathlib, sys, coldload, safetensors
            path = sys.argv[1] + "/model.safetensors"
            ours = coldload.open(sys.argv[1]).load()
            theirs = safetensors.deserialize(pathlib.Path(path).read_bytes())
            assert set(ours) == {name for name, _ in theirs}
            for name, tensor in theirs:
                one = ours[name]
                assert (one.dtype, list(one.shape)) == (tensor["dtype"], list(tensor["shape"])), name
                assert ctypes.string_at(one.address, one.nbytes) == bytes(tensor["data"]), name
            print(len(theirs))
            """, model)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(int(done.stdout), 100)


if __name__ == "__main__":
    unittest.main()
