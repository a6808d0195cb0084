"""coldload synth, from outside: what it writes, what it refuses, and what it leaves behind."""

import json
import os
import signal
import subprocess
import time
import unittest
import zlib

from harness import ScratchTest, is_root, needs, run, start


class Synth(ScratchTest):
    address = (
        "test_makes_what_a_server_needs_in_about_the_size_asked",
        "test_interrupted_it_leaves_nothing",
    )

    def synth(self, name, *flags):
        done = run(["synth", self.scratch / name, *flags])
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def facts(self, name):
        return json.loads(run(["inspect", self.scratch / name, "--json"]).stdout)

    def left(self):
        return sorted(entry.name for entry in self.scratch.iterdir())

    def test_makes_what_a_server_needs_in_about_the_size_asked(self):
        said = self.synth("m", "--size", "40MB", "--shards", "3")
        facts = self.facts("m")
        self.assertAlmostEqual(facts["checkpoint_bytes"] / 40e6, 1, delta=0.02)
        self.assertIn(f"({facts['checkpoint_bytes']} bytes", said)
        self.assertEqual(facts["shards"], 3)
        self.assertEqual(list(facts["dtypes"]), ["BF16"])
        self.assertEqual({file["name"] for file in facts["files"]}, {
            "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
            "model.safetensors.index.json", "model-00001-of-00003.safetensors",
            "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors"})

        config = json.loads((self.scratch / "m" / "config.json").read_text(encoding="utf-8"))
        tensors = [json.loads(line) for line in
                   run(["inspect", self.scratch / "m", "--tensors", "--json"]).stdout.splitlines()]
        shapes = {tensor["name"]: tensor["shape"] for tensor in tensors}
        hidden, vocabulary = config["hidden_size"], config["vocab_size"]
        self.assertEqual(len(shapes), 3 + 9 * config["num_hidden_layers"])
        self.assertEqual(shapes["model.embed_tokens.weight"], [vocabulary, hidden])
        self.assertEqual(shapes["model.layers.0.self_attn.k_proj.weight"],
                         [config["num_key_value_heads"] * config["head_dim"], hidden])
        self.assertEqual(shapes["model.layers.0.mlp.down_proj.weight"],
                         [hidden, config["intermediate_size"]])
        tokenizer = json.loads((self.scratch / "m" / "tokenizer.json").read_text(encoding="utf-8"))
        self.assertEqual(sorted(tokenizer["model"]["vocab"].values()), list(range(258)))
        self.assertGreaterEqual(vocabulary, 258)

    def test_weights_are_dense_and_do_not_compress(self):
        self.synth("m", "--size", "20MB")
        shard = self.scratch / "m" / "model.safetensors"
        self.assertGreaterEqual(shard.stat().st_blocks * 512, shard.stat().st_size)
        # Normal BF16 values hold 10.46 bits of 16; deflate gets to 0.79.
        data = shard.read_bytes()[1 << 20:]
        self.assertGreater(len(zlib.compress(data, 6)) / len(data), 0.78)

    def test_the_seed_decides_the_bytes(self):
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            self.synth(name, "--size", "3MB", "--seed", seed)
        read = {name: (self.scratch / name / "model.safetensors").read_bytes() for name in "abc"}
        self.assertEqual(read["a"], read["b"])
        self.assertNotEqual(read["a"], read["c"])

    def test_takes_an_empty_directory(self):
        (self.scratch / "m").mkdir()
        self.synth("m", "--size", "1MB")
        self.assertEqual(self.facts("m")["shards"], 1)

    def test_refuses_to_overwrite(self):
        for name, make in (("d", lambda p: (p.mkdir(), (p / "x").write_text("x"))),
                           ("f", lambda p: p.write_text("x"))):
            with self.subTest(name=name):
                path = self.scratch / name
                make(path)
                done = run(["synth", path, "--size", "1MB"])
                self.assertEqual(done.returncode, 1)
                self.assertIn(str(path), done.stderr)
        self.assertEqual((self.scratch / "d" / "x").read_text(), "x")
        self.assertEqual((self.scratch / "f").read_text(), "x")
        self.assertEqual(self.left(), ["d", "f"])

    def test_refuses_what_does_not_fit_before_writing(self):
        free = os.statvfs(self.scratch)
        size = min(int(free.f_bavail * free.f_frsize * 1.2), int(1.9e12))
        if size <= free.f_bavail * free.f_frsize:
            self.skipTest("the disk holds the largest model that synth makes")
        done = run(["synth", self.scratch / "m", "--size", size])
        self.assertEqual(done.returncode, 1)
        self.assertIn("needs", done.stderr)
        self.assertIn("are free", done.stderr)
        self.assertEqual(self.left(), [])

    def test_wrong_use_is_exit_2(self):
        for flags in ((), ("--size", "x"), ("--size", "1kB"), ("--size", "3TB"), ("--size", "-1GB"),
                      ("--size", "1MB", "--shards", "0"), ("--size", "1MB", "--shards", "x"),
                      ("--size", "1MB", "--seed", "-1"), ("--size", "1MB", "--sede", "1")):
            with self.subTest(flags=flags):
                done = run(["synth", self.scratch / "m", *flags])
                self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(self.left(), [])

    def test_a_missing_parent_is_named(self):
        done = run(["synth", self.scratch / "no" / "m", "--size", "1MB"])
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.scratch / "no"), done.stderr)

    def test_interrupted_it_leaves_nothing(self):
        process = start(["synth", self.scratch / "m", "--size", "4GB"], stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 60
        while not list(self.scratch.glob("*/*.safetensors")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, stderr)
        self.assertEqual(self.left(), [])

    @needs(is_root())
    def test_a_full_disk_leaves_nothing(self):
        """Space that others take while we write: the check before cannot see it."""
        point = self.scratch / "small"
        point.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", point],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"cannot mount tmpfs: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", point], check=True)
        with open(point / "other", "wb") as other:
            other.write(bytes(30 << 20))
        done = run(["synth", point / "m", "--size", "60MB"])
        self.assertEqual(done.returncode, 1)
        self.assertIn("are free", done.stderr)
        self.assertEqual(sorted(entry.name for entry in point.iterdir()), ["other"])
        refused = run(["synth", point, "--size", "1MB"])
        self.assertIn(str(point), refused.stderr)


if __name__ == "__main__":
    unittest.main()
