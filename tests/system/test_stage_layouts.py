"""`stage`, `compare --stage` and `run --stage` on what people have: hub caches of both layouts,
checkpoints that hold the weights several times, links to another disk, .gguf files in parts."""

import hashlib
import json
import os
import shutil
import sys
import unittest
from pathlib import Path

from daemons import Daemons, has_tools, wait_until
from harness import (ScratchTest, free_port, has_fuse, needs, random_bytes, run, write_checkpoint)

SLOW_HTTP_SERVER = Path(__file__).with_name("slow_http_server.py")

# A server that tells what it was given, and ends.
TELLS = "import sys; print('served', sys.argv[1])"


class _Layout(ScratchTest):
    def setUp(self):
        super().setUp()
        self.copy = self.scratch / "copy"

    def stage(self, source, *flags, expect=0):
        result = run(["stage", source, self.copy, *flags])
        self.assertEqual(result.returncode, expect, result.stdout + result.stderr)
        return result

    def staged(self):
        return sorted(str(p.relative_to(self.copy)) for p in self.copy.rglob("*") if p.is_file())

    def served(self, source, *flags):
        """What `run` gives the server; another one's, where the machine was too busy to look at the model
        in the time that a launch waits at most, which it says."""
        for _ in range(20):
            result = run(["run", *flags, "--port", free_port(), source, "--",
                          sys.executable, "-c", TELLS, "{model}"])
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            if "does not answer" not in result.stderr:
                break
        return result.stdout.split("served ")[1].splitlines()[0], result.stderr


class HubCacheTest(_Layout):
    address = ("test_blobs_that_repositories_share_are_staged_and_checked",)

    def setUp(self):
        super().setUp()
        self.repository = self.scratch / "hub" / "models--org--m"

    def snapshot(self, revision, *, shared=False):
        """One with the files of a checkpoint as links to blobs; `shared`: in the newer layout."""
        plain = write_checkpoint(self.scratch / f"plain-{revision}")
        folder = self.repository / "snapshots" / revision
        folder.mkdir(parents=True)
        (self.repository / "blobs").mkdir(exist_ok=True)
        for file in plain.iterdir():
            content = file.read_bytes()
            etag = hashlib.sha256(content).hexdigest()
            blob = self.repository / "blobs" / etag
            if shared:
                name = hashlib.blake2b(etag.encode(), digest_size=32).hexdigest()
                target = self.scratch / "hub" / "blobs" / name[:2] / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
                blob.symlink_to(f"../../blobs/{name[:2]}/{name}")
            elif not blob.exists():
                blob.write_bytes(content)
            (folder / file.name).symlink_to(f"../../blobs/{etag}")
        return folder

    def ref(self, text):
        (self.repository / "refs").mkdir(exist_ok=True)
        (self.repository / "refs" / "main").write_text(text)

    def test_blobs_that_repositories_share_are_staged_and_checked(self):
        snapshot = self.snapshot("a" * 40, shared=True)
        result = self.stage(snapshot, "--verify-hub", "--json")
        self.assertEqual(json.loads(result.stdout)["hub_checked"], 2)
        self.assertEqual(self.staged(), ["config.json", "model.safetensors"])
        self.assertFalse((self.copy / "model.safetensors").is_symlink())
        # A blob that is not what its link says.
        blob = (snapshot / "model.safetensors").resolve()
        blob.write_bytes(blob.read_bytes()[:-1] + b"?")
        shutil.rmtree(self.copy)
        Path(f"{self.copy}.coldload.json").unlink()
        result = self.stage(snapshot, "--verify-hub", expect=1)
        self.assertIn("model.safetensors has the SHA-256", result.stderr)
        self.assertFalse(self.copy.exists())

    def test_a_repository_stands_for_its_main_snapshot_everywhere(self):
        self.snapshot("1" * 40)
        main = self.snapshot("2" * 40)
        self.ref("2" * 40)
        (self.repository / "blobs" / ("f" * 64 + ".incomplete")).write_bytes(b"x" * 1000)
        inspected = json.loads(run(["inspect", "--json", self.repository]).stdout)
        self.assertEqual(inspected["path"], str(main))
        self.stage(self.repository)
        self.assertEqual(self.staged(), ["config.json", "model.safetensors"])
        manifest = json.loads(Path(f"{self.copy}.coldload.json").read_text())
        self.assertEqual(manifest["source"], str(main))
        self.assertEqual(self.served(self.repository)[0], str(main))
        self.assertEqual(self.served(self.repository, "--stage", self.copy)[0], str(self.copy))

    def test_a_repository_that_does_not_tell_is_refused_with_its_snapshots(self):
        one = self.snapshot("1" * 40)
        self.snapshot("2" * 40)
        for ref in (None, "3" * 40):
            if ref:
                self.ref(ref)
            for command in (["inspect", self.repository], ["stage", self.repository, self.copy]):
                result = run(command)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn(str(one), result.stderr)
        self.assertFalse(self.copy.exists())


class ServableTest(_Layout):
    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model", shards=2)
        (self.model / "original").mkdir()
        (self.model / "original" / "consolidated.00.pth").write_bytes(random_bytes(3 << 20))
        (self.model / "pytorch_model.bin").write_bytes(random_bytes(1 << 20))
        (self.model / "LICENSE").write_text("free")
        (self.model / "adapters").mkdir()
        (self.model / "adapters" / "adapter_model.bin").write_bytes(b"x")
        self.served_files = [
            "LICENSE", "adapters/adapter_model.bin", "config.json",
            "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
            "model.safetensors.index.json"]

    def test_the_servable_model_is_copied_and_what_is_left_is_said(self):
        result = self.stage(self.model)
        self.assertEqual(self.staged(), self.served_files)
        self.assertIn("not copied: 4.19 MB in 2 files (original/, pytorch_model.bin)", result.stdout)
        self.assertIn("up to date", self.stage(self.model).stdout)
        self.assertEqual(run(["stage", "--verify", self.copy]).returncode, 0)
        self.assertEqual(self.served(self.model, "--stage", self.copy)[0], str(self.copy))

    def test_all_copies_the_rest_and_such_a_copy_serves_as_well(self):
        self.stage(self.model, "--all")
        self.assertIn("original/consolidated.00.pth", self.staged())
        self.assertIn("up to date", self.stage(self.model).stdout)
        self.assertEqual(self.served(self.model, "--stage", self.copy)[0], str(self.copy))

    def test_globs_choose(self):
        self.stage(self.model, "--include", "original/*", "--include", "*.json", "--exclude",
                   "*.index.json")
        self.assertEqual(self.staged(), ["config.json", "original/consolidated.00.pth"])
        result = self.stage(self.model, expect=1)
        self.assertIn("is new", result.stderr)
        self.stage(self.model, "--replace", "--exclude", "adapters/")
        self.assertEqual(self.staged(), [n for n in self.served_files if "adapters" not in n])

    def test_the_user_says_which_weights_belong_to_the_model(self):
        flags = ["--weights", "pytorch_model*"]
        result = self.stage(self.model, *flags)
        others = [n for n in self.served_files if not n.endswith(".safetensors")]
        self.assertEqual(self.staged(), sorted([*others, "pytorch_model.bin"]))
        self.assertIn("(model-00001-of-00002.safetensors, model-00002-of-00002.safetensors, original/)",
                      result.stdout)
        self.assertIn("up to date", self.stage(self.model, *flags).stdout)
        served, said = self.served(self.model, "--stage", self.copy, *flags)
        self.assertEqual(served, str(self.copy), said)
        # That is no copy of what is guessed.
        self.assertEqual(self.served(self.model, "--stage", self.copy)[0], str(self.model))

    def test_what_the_user_says_is_no_reason_to_copy_all(self):
        result = self.stage(self.model, "--weights", "typo*", expect=1)
        self.assertIn("no file of the checkpoint matches --weights typo*", result.stderr)
        for flags in (["--all"], ["--include", "*.json"]):
            self.assertIn("give one of them",
                          self.stage(self.model, "--weights", "*.bin", *flags, expect=2).stderr)
        self.assertFalse(self.copy.exists())

    def test_compare_plans_and_stages_the_same_bytes(self):
        arms = ["--path", f"a={self.model}", "--path", "b=", "--stage", f"a:{self.copy}"]
        plan = run(["compare", *arms, "--dry-run", "--out", self.scratch / "out"])
        self.assertEqual(plan.returncode, 0, plan.stderr)
        bytes_served = sum((self.model / name).stat().st_size for name in self.served_files)
        self.assertIn(f"{bytes_served / 1e6:.2f} MB in 6 files; not copied: 4.19 MB in 2 files",
                      plan.stdout)
        done = run(["compare", *arms, "--runs", "1", "--warm-runs", "0", "--no-floor", "--quiet",
                    "--keep-staged", "--cold", "off", "--out", self.scratch / "out"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.staged(), self.served_files)

    def test_a_link_to_another_disk_wants_a_flag(self):
        shard = self.model / "model-00001-of-00002.safetensors"
        elsewhere = self.scratch / "disk2"
        elsewhere.mkdir()
        os.rename(shard, elsewhere / "blob")
        shard.symlink_to(elsewhere / "blob")
        result = self.stage(self.model, expect=1)
        self.assertIn("--follow-links", result.stderr)
        self.stage(self.model, "--follow-links")
        self.assertEqual(self.staged(), self.served_files)


class GgufTest(_Layout):
    def setUp(self):
        super().setUp()
        self.folder = self.scratch / "M-GGUF"
        self.folder.mkdir()
        self.parts = [self.folder / f"m-Q4-0000{i}-of-00003.gguf" for i in (1, 2, 3)]
        for number, file in enumerate([*self.parts, self.folder / "m-Q8.gguf"]):
            file.write_bytes(b"GGUF" + random_bytes(100_000, seed=number))

    def test_all_parts_of_a_split_file_are_staged_and_the_first_is_served(self):
        self.stage(self.parts[0])
        self.assertEqual(self.staged(), [p.name for p in self.parts])
        served, _ = self.served(self.parts[0], "--stage", self.copy)
        self.assertEqual(served, str(self.copy / self.parts[0].name))

    def test_a_single_file_is_staged_by_the_next_start(self):
        file = self.folder / "m-Q8.gguf"
        self.assertEqual(self.served(file, "--stage", self.scratch / "none")[0], str(file))
        self.stage(file)
        self.assertEqual(self.staged(), ["m-Q8.gguf"])

    def test_of_a_folder_of_models_the_one_that_the_user_says_is_staged(self):
        (self.folder / "mmproj-F16.gguf").write_bytes(b"GGUF")
        self.stage(self.folder, "--weights", "*Q4*")
        self.assertEqual(self.staged(), [*(p.name for p in self.parts), "mmproj-F16.gguf"])

    def test_links_of_a_snapshot_keep_their_names(self):
        repository = self.scratch / "models--o--m"
        folder = repository / "snapshots" / "s" / "Q4"
        folder.mkdir(parents=True)
        (repository / "blobs").mkdir()
        for number, part in enumerate(self.parts):
            os.rename(part, repository / "blobs" / f"h{number}")
            (folder / part.name).symlink_to(f"../../../blobs/h{number}")
        self.stage(folder / self.parts[0].name)
        self.assertEqual(self.staged(), [p.name for p in self.parts])

    def test_compare_measures_the_copy_of_a_file(self):
        result = run(["compare", "--path", f"a={self.parts[0]}", "--path", "b=",
                      "--stage", f"a:{self.copy}", "--runs", "1", "--warm-runs", "0", "--no-floor",
                      "--quiet", "--keep-staged", "--cold", "off", "--out", self.scratch / "out"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.staged(), [p.name for p in self.parts])


@needs(has_fuse(), has_tools("rclone"))
class FromADaemonThatStreamsTest(Daemons, _Layout):
    def setUp(self):
        super().setUp()
        folder = write_checkpoint(self.scratch / "served", shard_bytes=100_000_000)
        [shard] = folder.glob("*.safetensors")
        self.weights = shard.read_bytes()
        server = self.start_here("server", sys.executable, SLOW_HTTP_SERVER, folder, "0.3")
        wait_until(self.served_lines, server, self.log_of("server"))
        self.mount = self.scratch / "mount"
        self.mount.mkdir()
        url = f"http://127.0.0.1:{self.served_lines()[0]}"
        self.mount_here(self.mount, "rclone", "mount", f":http,url='{url}':", self.mount,
                        "--read-only", "--vfs-read-wait", "300ms", "--config", self.scratch / "rclone.conf")

    def served_lines(self):
        """The port, then one for each request."""
        return self.log_of("server").read_text(encoding="utf-8").splitlines()

    # Parallel reads of one file have the daemon open its stream anew for nearly each of their 763
    # blocks, which can be counted. A trial of two streams that fails opens it some ten times.
    most_requests = 60

    def test_it_is_read_as_the_stream_that_it_is(self):
        self.stage(self.mount)
        self.assertEqual((self.copy / "model.safetensors").read_bytes(), self.weights)
        self.assertLess(len(self.served_lines()) - 1, self.most_requests)

    def test_it_is_loaded_as_the_stream_that_it_is(self):
        done = run(["native-load", "--native-threads", "16", self.mount], timeout=200)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLess(len(self.served_lines()) - 1, self.most_requests)


if __name__ == "__main__":
    unittest.main()
