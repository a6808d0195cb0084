"""Which files count as weights: what the server was seen to read, not what names say."""

import json
import os
import subprocess

from harness import (COLDLOAD, FAKE_SERVER, ScratchTest, can_evict, environment, has_fake_server, needs,
                     read_records, run, sync, warm, write_checkpoint)

MIB = 1 << 20


def server(how):
    return ["--", FAKE_SERVER, "--model", "{model}", "--port", "{port}", "--read", how]


# Reads a file, then becomes the server.
READ_FIRST = ["--", "sh", "-c", 'cat "$1" > /dev/null; shift; exec "$@"', "sh"]


@needs(can_evict(), has_fake_server())
class WeightsTest(ScratchTest):
    """A checkpoint of two indexed shards; each test puts something beside it."""

    address = ("test_what_lies_below_is_evicted_and_counts_where_it_is_read",)

    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model", shards=2, shard_bytes=4 * MIB)
        self.out = self.scratch / "out"

    def add(self, name, size=8 * MIB):
        path = self.model / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
        sync(path)
        return path

    def measure(self, *command, expect=0, flags=()):
        done = run(["measure", self.model, "--runs", 1, "--warm-runs", 0, "-w", 0, "--no-floor", "--timeout",
                    "60s", "--out", self.out, *flags, *command])
        self.assertEqual(done.returncode, expect, done.stderr)
        return read_records(self.out)[-1]

    def test_what_lies_below_is_evicted_and_counts_where_it_is_read(self):
        head = self.add("2_Dense/model.safetensors")
        warm(head)
        record = self.measure(*READ_FIRST, head, *server("full")[1:])
        self.assertEqual((record["cold"], record["status"]), ("verified", "ok"), record["reason"])
        self.assertEqual(record["resident_bytes_before"], 0)
        shards = sum(path.stat().st_size for path in self.model.glob("*.safetensors"))
        self.assertEqual(record["checkpoint_bytes"], shards + head.stat().st_size)

    def test_more_files_than_may_be_open_are_no_obstacle(self):
        runs = self.model / "runs"
        runs.mkdir()
        for number in range(600):
            (runs / f"event.{number}").write_bytes(b"x")
        limited = ["sh", "-c", 'ulimit -n 512; exec "$@"', "sh"]
        done = subprocess.run(
            [*limited, COLDLOAD, "measure", self.model, "--runs", "1", "--warm-runs", "1", "--no-floor",
             "--out", self.out], capture_output=True, text=True, env=environment(), check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        for what in ("show", "evict", "warm"):
            done = subprocess.run([*limited, COLDLOAD, "cache", what, self.model], capture_output=True,
                                  text=True, env=environment(), check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([*limited, COLDLOAD, "stage", "--evict-after", self.model,
                               self.scratch / "copy"], capture_output=True, text=True,
                              env=environment(), check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("not known", done.stderr)
        self.assertIn("in memory now: ", done.stdout)

    def test_what_was_not_read_is_named_and_does_not_count(self):
        self.add("original/consolidated.00.pth")
        record = self.measure(*server("full"))
        self.assertEqual(record["cold"], "verified", record["reason"])
        shards = sum(path.stat().st_size for path in self.model.glob("*.safetensors"))
        self.assertEqual(record["checkpoint_bytes"], shards)
        self.assertIn("not read: original/consolidated.00.pth 8.39 MB", record["remarks"])

    def test_another_copy_than_the_index_names_counts_where_it_is_the_one_that_is_read(self):
        copy = self.add("consolidated.safetensors")
        record = self.measure(*READ_FIRST, copy, *server("none")[1:])
        self.assertEqual((record["cold"], record["checkpoint_bytes"]), ("verified", 8 * MIB),
                         record["reason"])

    def test_a_start_that_opens_no_weight_is_not_cold_whatever_else_it_reads(self):
        library = self.scratch / "libtorch.so"
        library.write_bytes(os.urandom(32 * MIB))
        evict_and_read = ("import os,sys; fd=os.open(sys.argv[1],os.O_RDONLY); os.fdatasync(fd); "
                          "os.posix_fadvise(fd,0,0,os.POSIX_FADV_DONTNEED); "
                          "os.execvp('sh', ['sh','-c','cat \"$0\" >/dev/null; exec \"$@\"', *sys.argv[1:]])")
        record = self.measure("--", "python3", "-c", evict_and_read, library,
                              *server("none")[1:], expect=3)
        self.assertEqual(record["cold"], "not_cold")
        self.assertIn("no weight was read", record["reason"])

    def test_a_look_at_a_head_is_no_load(self):
        look = ("import glob,os,sys\n"
                "for p in glob.glob(sys.argv[1] + '/*.safetensors'):\n"
                "    fd = os.open(p, os.O_RDONLY)\n"
                "    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)\n"
                "    os.pread(fd, 8, 0)\n"
                "os.execvp(sys.argv[2], sys.argv[2:])")
        record = self.measure("--", "python3", "-c", look, self.model,
                              *server("none")[1:], expect=3)
        self.assertNotEqual(record["cold"], "verified")
        self.assertIn("no weight", record["reason"])

    def test_what_the_command_names_beside_it_is_as_cold(self):
        projector = self.scratch / "mmproj-F16.gguf"
        projector.write_bytes(os.urandom(8 * MIB))
        warm(projector)
        record = self.measure(*READ_FIRST, projector, *server("full")[1:])
        self.assertEqual(record["cold"], "verified", record["reason"])
        shards = sum(path.stat().st_size for path in self.model.glob("*.safetensors"))
        self.assertEqual(record["checkpoint_bytes"], shards + 8 * MIB)

    def test_the_user_says_what_else_is_loaded_and_what_counts(self):
        other = self.scratch / "adapter"
        other.mkdir()
        (other / "adapter_model.safetensors").write_bytes(os.urandom(8 * MIB))
        warm(other / "adapter_model.safetensors")
        record = self.measure(*server("full"), flags=("--also", other))
        self.assertEqual(record["cold"], "verified", record["reason"])
        self.assertEqual(record["resident_bytes_before"], 0)
        done = run(["inspect", self.model, "--weights", "model-00002*", "--json"])
        self.assertEqual(json.loads(done.stdout)["shards"], 1, done.stderr)

    def test_what_a_server_reads_and_a_copy_lacks_is_said_once(self):
        self.add("consolidated.safetensors")
        reads = 'cat "$0/consolidated.safetensors" > /dev/null; exec "$@"'
        done = run(["compare", "--path", f"a={self.model}", "--path", "b=", "--stage",
                    f"a:{self.scratch / 'copy'}", "--runs", 1, "--warm-runs", 0, "--no-floor", "--timeout",
                    "60s", "--ignore-failure", "--out", self.out, "--", "sh", "-c", reads, "{model}",
                    *server("none")[1:]])
        lacks = (f"from a the target reads consolidated.safetensors, which the copy at "
                 f"{self.scratch / 'copy'} lacks: measure again with --weights")
        self.assertEqual(done.stderr.count(lacks), 1, done.stderr)
