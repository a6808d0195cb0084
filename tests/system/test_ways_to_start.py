"""Several commands on several paths: what is measured, kept and said of them, and what is refused."""

import json
import os
import shutil
import unittest
from pathlib import Path

from harness import (FAKE_SERVER, ScratchTest, can_evict, has_fake_server, is_root, needs,
                     read_notes, read_records, read_rows, run, write_checkpoint)

MARKDOWN = "storage_layout_bench.md"


class _Commands(ScratchTest):
    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model")
        shutil.copytree(self.model, self.scratch / "other")
        self.paths = ("--path", f"nvme={self.model}", "--path", f"net={self.scratch / 'other'}")
        self.out = self.scratch / "out"

    def command(self, name, *flags, server=FAKE_SERVER):
        line = " ".join([server, "--port {port} --model {model} --read full", *flags])
        return ("--command", f"{name}={line}")

    def compare(self, *args, **kw):
        return run(["compare", *self.paths, "--no-floor", "--quiet", "--out", self.out, *args], **kw)


@needs(can_evict(), has_fake_server())
class WaysToStart(_Commands):
    address = ("test_each_path_is_measured_with_each_command", "test_flags_of_one_command")

    def test_each_path_is_measured_with_each_command(self):
        result = self.compare(*self.command("plain"), *self.command("late", "--ready-after", "1200"),
                              "--runs", 2, "-w", 0, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        labels = ["nvme_plain", "nvme_late", "net_plain", "net_late"]
        modes = [row["storage_mode"] for row in read_rows(self.out)]
        self.assertEqual(sorted(modes),
                         sorted(labels * 2 + [f"{label}_warm" for label in labels]))
        for row in read_rows(self.out):
            self.assertEqual(read_notes(row)["command"], row["storage_mode"].split("_")[1])
        for record in read_records(self.out):
            self.assertEqual([arm["label"] for arm in record["arms"]], labels)
            [arm] = [arm for arm in record["arms"] if arm["label"] == record["arm"]]
            self.assertEqual(arm["start"]["path"], record["arm"].split("_")[0])
            self.assertEqual("--ready-after" in record["argv"], arm["start"]["name"] == "late")
            self.assertEqual("--ready-after" in arm["start"]["command"],
                             arm["start"]["name"] == "late")
        # Two paths are the same storage once for each command, and not each with itself.
        pairs = {(p["first"], p["second"]) for p in read_records(self.out)[0]["same_storage"]}
        self.assertEqual(pairs, {("nvme_plain", "net_plain"), ("nvme_late", "net_late")})
        comparison = json.loads(result.stdout)["comparison"]
        self.assertEqual(list(comparison["arms"]), labels)
        # The second path over the first, with the same command.
        by_label = {label: arm["median_s"] for label, arm in comparison["arms"].items()}
        self.assertAlmostEqual(comparison["ratio"],
                               by_label["net_plain"] / by_label["nvme_plain"], 6)
        report = (self.out / MARKDOWN).read_text(encoding="utf-8")
        self.assertIn("## Which way to start", report)
        self.assertIn("| `net` | `late` |", report)
        path, command = min(by_label, key=by_label.get).split("_")
        self.assertIn(f"was `{command}` from `{path}`" if (path, command) != ("nvme", "plain")
                      else "faster than the first, `plain` from `nvme`", report)

    def test_one_path_is_enough_for_two_commands(self):
        result = run(["compare", "--path", f"nvme={self.model}", *self.command("a"),
                      *self.command("b"), "--runs", 1, "--warm-runs", 0, "-w", 0, "--no-floor",
                      "--quiet", "--out", self.out])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(sorted(row["storage_mode"] for row in read_rows(self.out)),
                         ["nvme_a", "nvme_b"])

    def test_flags_of_one_command(self):
        trace = self.scratch / "trace"
        result = self.compare(
            *self.command("a", "--print-environment"), *self.command("b", "--print-environment"),
            "--runs", 1, "--warm-runs", 0, "-w", 0, "--order", "sequential",
            "--env", "WHO=all", "--env", "b:WHO=b", "--env", "ALSO=x:y",
            "--prepare", f"echo all $COLDLOAD_ARM >> {trace}",
            "--prepare", f"b:echo b $COLDLOAD_ARM >> {trace}")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(trace.read_text(encoding="utf-8").splitlines(),
                         ["all nvme_a", "b nvme_b", "all net_a", "b net_b"])
        for record in read_records(self.out):
            log = (self.out / record["log"]).read_text(encoding="utf-8")
            self.assertIn("WHO=b\n" if record["arm"].endswith("_b") else "WHO=all\n", log)
            self.assertIn("ALSO=x:y\n", log)

    def test_records_of_another_command_of_that_name_are_not_pooled(self):
        for ready_after in (100, 700):
            result = self.compare(*self.command("a"),
                                  *self.command("b", "--ready-after", str(ready_after)),
                                  "--runs", 1, "--warm-runs", 0, "-w", 0)
            self.assertEqual(result.returncode, 0, result.stderr)
        shown = run(["report", "--json", self.out / "storage_layout_bench.jsonl"])
        comparison = json.loads(shown.stdout)["comparison"]
        self.assertEqual(comparison["other_comparisons"], 1)
        self.assertEqual(comparison["n"]["nvme_b"], 1)

    def test_keys_in_a_command_are_kept_nowhere(self):
        result = self.compare(*self.command("a", "--api-key s3cr3t-flag-value"),
                              *self.command("b", "--api-key=an0ther-secret"), "--runs", 1,
                              "--warm-runs", 0, "-w", 0, "--verbose")
        self.assertEqual(result.returncode, 0, result.stderr)
        texts = [result.stdout, result.stderr, *(
            path.read_text(encoding="utf-8") for path in self.out.rglob("*") if path.is_file())]
        for secret in ("s3cr3t-flag-value", "an0ther-secret"):
            self.assertFalse([text for text in texts if secret in text], secret)


class Refused(_Commands):
    def refused(self, *args):
        result = self.compare(*args, "--dry-run")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertFalse(self.out.exists())
        return result.stderr

    def test_what_cannot_be_a_command(self):
        for flags, words in (
            (("--command", "a"), "NAME=LINE"),
            (("--command", "a="), "there is no command"),
            (("--command", "a=x 'y"), "is not closed"),
            (("--command", "a=x {model} $HOME"), "no shell replaces"),
            (("--command", "a,b=x {model} --port {port}"), "cannot be a storage_mode"),
            (("--command", "x_warm=x {model} --port {port}"), "_warm"),
            (("--command", "warm=x {model} --port {port}"), "choose another name"),
            (("--command", "node=x {model} --port {port}", "--node-runs", "1"), "rename that"),
            ((*self.command("a", server="x"), *self.command("a", server="x")), "the name 'a'"),
            (("--command", "a=x --port {port}"), "--command a: the server's command has no {model}"),
            (("--command", "a=x {model} --port {port} && y"), "&&"),
            ((*self.command("a", server="x"), "--", "x", "{model}", "--port", "{port}"), "after --"),
        ):
            with self.subTest(flags=flags):
                self.assertIn(words, self.refused(*flags))

    def test_what_does_not_go_with_commands(self):
        two = (*self.command("a", server="true"), *self.command("b", server="true"))
        for flags, words in (
            (("--stage", f"net:{self.scratch / 'copy'}"), "coldload stage"),
            (("--prefetch", "net"), "coldload run {model}"),
            (("--prepare", "a:x", "--prepare", "a:y"), "--prepare is given twice for a"),
            (("--ready-url", "http://127.0.0.1:1/", "--ready-url", "http://127.0.0.1:2/"),
             "--ready-url is given twice"),
            (("--server", "b:nonsense"), "--command b: --server nonsense"),
        ):
            with self.subTest(flags=flags):
                self.assertIn(words, self.refused(*two, *flags))

    def test_labels_that_would_be_one(self):
        result = run(["compare", "--path", f"n={self.model}", "--path", f"n_a={self.model}",
                      *self.command("a_b", server="true"), *self.command("b", server="true"),
                      "--out", self.out, "--dry-run"])
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("'n_a_b'", result.stderr)


@needs(can_evict(), has_fake_server(), is_root())
class WithAStandIn(_Commands):
    def test_both_commands_see_one_mount(self):
        result = run(["compare", "--path", f"nvme={self.model}", "--path", f"net={self.model}",
                      "--stand-in", "net=200MB/s,1ms", *self.command("a"), *self.command("b"),
                      "--runs", 1, "--warm-runs", 0, "-w", 0, "--no-floor", "--quiet",
                      "--out", self.out])
        self.assertEqual(result.returncode, 0, result.stderr)
        paths = {record["path"] for record in read_records(self.out)
                 if record["arm"].startswith("net_")}
        self.assertEqual(len(paths), 1)
        self.assertFalse(os.path.ismount(Path(paths.pop())))


if __name__ == "__main__":
    unittest.main()
