"""coldload inspect, from outside: what it says of good checkpoints, and how it refuses bad ones."""

import json
import os
import struct
import subprocess
import sys
import unittest

from harness import (COLDLOAD, ScratchTest, environment, is_root, needs, plain_build, run,
                     write_checkpoint, write_raw_safetensors, write_safetensors)

MIB = 1 << 20
INDEX = "model.safetensors.index.json"
VALID = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


# Runs a command and prints its exit code and peak memory in KiB. A process of its own and small: a
# child starts with the peak of the process that forked it.
LAUNCHER = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_memory(args):
    """(exit code, peak resident bytes, stderr) of one run."""
    done = subprocess.run([sys.executable, "-c", LAUNCHER, COLDLOAD, *map(str, args)],
                          capture_output=True, text=True, env=environment(), check=True)
    code, peak_kib = map(int, done.stdout.split())
    return code, peak_kib * 1024, done.stderr


class Inspect(ScratchTest):
    address = (
        "test_counts_what_is_in_a_checkpoint",
        "test_lists_every_tensor",
        "test_follows_the_links_of_a_hub_snapshot",
    )

    def inspect(self, path, *flags):
        done = run(["inspect", path, *flags])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def test_a_reader_that_has_seen_enough_is_no_error(self):
        tensors = {f"layer.{number}.weight": ("U8", (1,)) for number in range(5000)}
        write_safetensors(self.scratch / "model.safetensors", tensors)
        for flags in ([], ["--json"], ["--tensors"], ["--tensors", "--json"]):
            with self.subTest(flags=flags):
                reader, writer = os.pipe()
                os.close(reader)
                done = subprocess.run(
                    [COLDLOAD, "inspect", self.scratch, *flags], stdout=writer,
                    stderr=subprocess.PIPE, text=True, env=environment(), check=False)
                os.close(writer)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_name_that_is_not_utf8_leaves_the_json_valid(self):
        path = self.scratch / os.fsdecode(b"m\xff")
        write_checkpoint(path)
        for command in (["inspect"], ["cache", "show"]):
            with self.subTest(command=command):
                done = subprocess.run([COLDLOAD, *command, path, "--json"], capture_output=True,
                                      env=environment(), check=True)
                facts = json.loads(done.stdout.decode("utf-8"))
                self.assertEqual(facts["path"], f"{self.scratch}/m\ufffd")

    def test_counts_what_is_in_a_checkpoint(self):
        path = write_checkpoint(self.scratch / "m", shards=3, shard_bytes=64 << 10)
        (path / "tokenizer.json").write_text("{}", encoding="utf-8")
        facts = json.loads(self.inspect(path, "--json"))
        shards = sorted(path.glob("*.safetensors"))
        self.assertEqual(facts["path"], str(path))
        self.assertEqual(facts["name"], "m")
        self.assertEqual(facts["format"], "safetensors")
        self.assertEqual(facts["shards"], 3)
        self.assertEqual(facts["tensors"], 6)
        self.assertEqual(facts["checkpoint_bytes"], sum(p.stat().st_size for p in shards))
        headers = sum(8 + struct.unpack("<Q", p.read_bytes()[:8])[0] for p in shards)
        self.assertEqual(facts["tensor_bytes"], facts["checkpoint_bytes"] - headers)
        self.assertEqual(facts["dtypes"], {"BF16": {"tensors": 6, "bytes": facts["tensor_bytes"]}})
        self.assertEqual(facts["largest_tensor"]["name"], "layer.0.a.weight")
        self.assertTrue(facts["index"])
        self.assertEqual([file["name"] for file in facts["files"]],
                         [p.name for p in shards] + ["config.json", "tokenizer.json", INDEX])
        self.assertEqual(facts["remarks"], [])
        self.assertIsInstance(facts["storage"], dict)

    def test_lists_every_tensor(self):
        path = self.scratch / "m"
        path.mkdir()
        write_safetensors(path / "a.safetensors", {"x": ("F32", (2, 3)), "s": ("I64", ())})
        write_safetensors(path / "b.safetensors", {"empty": ("U8", (4, 0))})
        self.assertEqual(self.inspect(path, "--tensors").splitlines(), [
            "x F32 [2,3] 24 a.safetensors",
            "s I64 [] 8 a.safetensors",
            "empty U8 [4,0] 0 b.safetensors",
        ])
        first = json.loads(self.inspect(path, "--tensors", "--json").splitlines()[0])
        self.assertEqual(first, {"name": "x", "dtype": "F32", "shape": [2, 3], "bytes": 24,
                                 "shard": "a.safetensors"})

    def test_follows_the_links_of_a_hub_snapshot(self):
        blobs = self.scratch / "models--org--llama" / "blobs"
        snapshot = self.scratch / "models--org--llama" / "snapshots" / "0123"
        blobs.mkdir(parents=True)
        snapshot.mkdir(parents=True)
        write_safetensors(blobs / "f00", {"w": ("F32", (2,))})
        (snapshot / "model.safetensors").symlink_to("../../blobs/f00")
        facts = json.loads(self.inspect(snapshot, "--json"))
        self.assertEqual(facts["name"], "llama")
        self.assertEqual(facts["files"][0]["real_path"], str(blobs / "f00"))
        self.assertTrue(facts["files"][0]["symlink"])
        self.assertIn(f"1 of 1 files lead to {blobs}", self.inspect(snapshot))

    def test_a_gguf_file_is_counted_and_its_tensors_are_unknown(self):
        path = self.scratch / "m.gguf"
        path.write_bytes(b"not parsed")
        facts = json.loads(self.inspect(path, "--json"))
        self.assertEqual((facts["format"], facts["checkpoint_bytes"]), ("gguf", 10))
        for unknown in ("tensors", "tensor_bytes", "dtypes", "largest_tensor"):
            self.assertIsNone(facts[unknown])

    def test_people_are_told_what_the_index_leaves_out(self):
        path = write_checkpoint(self.scratch / "m", shards=2, shard_bytes=4096)
        write_safetensors(path / "spare.safetensors", {"w": ("F32", (2,))})
        self.assertIn("spare.safetensors is not in the index", self.inspect(path))

    def test_names_cannot_steer_the_terminal(self):
        path = self.scratch / "m"
        path.mkdir()
        write_raw_safetensors(path / "m.safetensors", {"\x1b[2J\n": VALID}, b"1234")
        for flags in ((), ("--tensors",)):
            self.assertNotIn("\x1b", self.inspect(path, *flags))

    def test_says_that_its_output_cannot_be_written(self):
        path = write_checkpoint(self.scratch / "m")
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = run(["inspect", path], stdout=full)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)


class InspectRefuses(ScratchTest):
    address = True

    def refused(self, path, *words):
        done = run(["inspect", path], timeout=60)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(done.stdout, "")
        for word in words:
            self.assertIn(str(word), done.stderr)

    def refused_header(self, header, data=b"", *words):
        shard = self.scratch / "model.safetensors"
        write_raw_safetensors(shard, header, data)
        self.refused(self.scratch, shard, *words)

    def test_paths_that_are_no_checkpoint(self):
        self.refused(self.scratch / "missing", self.scratch / "missing")
        self.refused(self.scratch, self.scratch)
        file = self.scratch / "weights.bin"
        file.write_bytes(b"x")
        self.refused(file, file, ".gguf")
        self.refused("/dev/zero", "/dev/zero", "character device")

    @needs(is_root())
    def test_an_unreadable_directory_and_an_unreadable_shard(self):
        nobody = 65534
        path = write_checkpoint(self.scratch / "m")
        os.chmod(self.scratch, 0o755)
        shard = path / "model.safetensors"
        shard.chmod(0o000)
        for locked in (shard, path):
            locked.chmod(0o000)
            done = run(["inspect", path], user=nobody, group=nobody, extra_groups=[])
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("Permission denied", done.stderr)
            self.assertIn(str(locked), done.stderr)

    def test_malformed_headers(self):
        for header, data in ((b"", b""), (b"[]", b""), (b"{x}", b""), (b"{} x", b""),
                             (b'{"w":1}', b""), ({"w": VALID}, b"123"), ({"w": VALID}, b"12345"),
                             ({"w": VALID, "v": VALID}, b"1234"), (b"\xff" * 8, b""),
                             ({"w": {**VALID, "dtype": "F33"}}, b"1234"),
                             ({"w": {**VALID, "shape": [1 << 32, 1 << 32]}}, b"1234"),
                             ({"w": {**VALID, "shape": [-1]}}, b"1234"),
                             ({"__metadata__": {"a": 1}}, b"")):
            with self.subTest(header=header, data=data):
                self.refused_header(header, data)

    def test_lengths_that_the_file_cannot_hold(self):
        shard = self.scratch / "model.safetensors"
        for length in (3, 99_999_999, 100_000_001, 1 << 31, 1 << 63, (1 << 64) - 1):
            with self.subTest(length=length):
                shard.write_bytes(struct.pack("<Q", length) + b"{}")
                self.refused(self.scratch, shard)

    def test_shards_that_are_no_files(self):
        shard = self.scratch / "model.safetensors"
        os.mkfifo(shard)
        self.refused(self.scratch, shard, "FIFO")
        shard.unlink()
        for target, word in (("/dev/zero", "device"), ("gone", "gone"),
                             ("model.safetensors", "itself"), ("/", "directory")):
            with self.subTest(target=target):
                shard.symlink_to(target)
                self.refused(self.scratch, shard, word)
                shard.unlink()

    def test_an_index_that_lacks_a_shard(self):
        write_safetensors(self.scratch / "model-00001-of-00002.safetensors", {"w": ("F32", (1,))})
        index = self.scratch / INDEX
        index.write_text(json.dumps({"weight_map": {
            "w": "model-00001-of-00002.safetensors", "v": "model-00002-of-00002.safetensors"}}),
            encoding="utf-8")
        self.refused(self.scratch, index, "model-00002-of-00002.safetensors")

    def test_indexes_that_mislead(self):
        write_safetensors(self.scratch / "model.safetensors", {"w": ("F32", (1,))})
        index = self.scratch / INDEX
        for value in ("../model.safetensors", str(self.scratch / "model.safetensors"), 1, None, ["model.safetensors"], ""):
            with self.subTest(value=value):
                index.write_text(json.dumps({"weight_map": {"w": value}}), encoding="utf-8")
                self.refused(self.scratch, index)
        for text in ("", "{", "[]", "{}", '{"weight_map":[]}', '{"weight_map":{}}',
                     '{"weight_map":{"other":"model.safetensors"}}'):
            with self.subTest(text=text):
                index.write_text(text, encoding="utf-8")
                self.refused(self.scratch, index)
        index.unlink()
        index.symlink_to("/dev/zero")
        self.refused(self.scratch, index, "device")


@needs(plain_build())
class InspectStaysSmall(ScratchTest):
    """Hostile files of the largest size that is looked at cost neither time nor memory."""

    timeout_s = 300

    def refused_small(self, word):
        code, peak, stderr = peak_memory(["inspect", self.scratch])
        self.assertEqual(code, 1, stderr)
        self.assertIn(str(self.scratch), stderr)
        self.assertIn(word, stderr)
        self.assertLess(len(stderr), 2000)
        self.assertLess(peak, 300 * MIB)

    def test_hostile_headers(self):
        room = 99_900_000
        empty = b'"":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
        hostile = {
            "needs 0 bytes": b'{"w":{"dtype":"U8","shape":[' + b"0," * (room // 2 - 50) +
                             b'0],"data_offsets":[0,1]}}',
            "needs 1 bytes": b'{"' + b"n" * (room - 99) +
                             b'":{"dtype":"U8","shape":[],"data_offsets":[0,0]}}',
            "is there twice": b"{" + (empty + b",") * (room // 51) + empty + b"}",
            "too deep": b'{"w":{"x":' + b"[" * (room - 99),
            "does not know": b'{"w":{"dtype":"' + b"A" * (room - 99) + b'"}}',
        }
        for word, header in hostile.items():
            with self.subTest(word=word):
                write_raw_safetensors(self.scratch / "model.safetensors", header)
                self.refused_small(word)

    def test_hostile_indexes(self):
        hostile = {
            "tensors": b'{"weight_map":{' + b'"":"a",' * 20_000_000,
            "shards": b'{"weight_map":{' + b",".join(b'"":"%x"' % i for i in range(2_000_000)),
            "more than 1048576 bytes": b'{"weight_map":{"' + b"n" * 199_000_000 + b'":"x"}}',
        }
        for word, text in hostile.items():
            with self.subTest(word=word):
                (self.scratch / INDEX).write_bytes(text)
                self.refused_small(word)
        with open(self.scratch / INDEX, "wb") as file:
            file.truncate(1 << 40)
        self.refused_small("larger")

    def test_a_million_tensors_in_a_thousand_shards(self):
        weight_map = {}
        for shard in range(1000):
            name = f"model-{shard + 1:05}-of-01000.safetensors"
            header = {}
            for tensor in range(1000):
                key = f"model.layers.{shard}.mlp.experts.{tensor}.down_proj.weight"
                header[key] = {"dtype": "BF16", "shape": [8, 64],
                               "data_offsets": [tensor << 10, (tensor + 1) << 10]}
                weight_map[key] = name
            raw = json.dumps(header).encode()
            with open(self.scratch / name, "wb") as file:
                file.write(struct.pack("<Q", len(raw)) + raw)
                file.truncate(8 + len(raw) + (1000 << 10))
        (self.scratch / INDEX).write_text(json.dumps({"weight_map": weight_map}), encoding="utf-8")
        facts = json.loads(run(["inspect", self.scratch, "--json"]).stdout)
        self.assertEqual(facts["tensors"], 1_000_000)
        self.assertEqual(facts["tensor_bytes"], 1_000_000 << 10)
        code, peak, stderr = peak_memory(["inspect", self.scratch])
        self.assertEqual(code, 0, stderr)
        self.assertLess(peak / facts["tensors"], 300)  # bytes; all that coldload takes is in it


if __name__ == "__main__":
    unittest.main()
