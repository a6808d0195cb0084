"""The main job from outside: plans, rows, order, placeholders, failures, Ctrl-C, and bad input."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest
import uuid
from pathlib import Path

from harness import (
    CSV_NAME,
    FAKE_SERVER,
    JSONL_NAME,
    MARKDOWN_NAME,
    ScratchTest,
    can_evict,
    files_of,
    free_port,
    has_fake_server,
    has_fuse,
    is_root,
    mounts_below,
    needs,
    passes_mostly,
    processes_with,
    read_notes,
    read_records,
    read_rows,
    resident_pages,
    run,
    start,
    sync,
    warm,
    write_checkpoint,
    write_safetensors,
)

HEADER = "run_id,storage_mode,model,max_model_len,load_s,gpu_mem_used_mb,notes"


class CompareTest(ScratchTest):
    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model", shards=2, shard_bytes=4 << 20)
        self.copy = write_checkpoint(self.scratch / "copy", shards=2, shard_bytes=4 << 20)
        self.out = self.scratch / "out"
        self.paths = ["--path", f"nvme={self.model}", "--path", f"net={self.copy}"]

    def compare(self, *args, **kw):
        return run(["compare", *self.paths, "--out", self.out, *args], **kw)

    def server(self, *flags):
        return ["--", FAKE_SERVER, "--model", "{model}", "--port", "{port}", "--read=full", *flags]

    def modes(self):
        return [row["storage_mode"] for row in read_rows(self.out)]

    def assert_refused(self, result, *words, code=2):
        self.assertEqual(result.returncode, code, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertFalse((self.out / CSV_NAME).exists(), "something was written")


@needs(can_evict())
class Rows(CompareTest):
    address = (
        "test_every_arm_gets_its_rows_records_and_a_report",
        "test_an_automatic_number_of_runs_is_enough_or_the_most",
        "test_each_load_leaves_a_timeline_unless_it_is_switched_off",
        "test_a_threshold_is_of_this_experiment_whatever_lies_beside_it",
        "test_a_baseline_is_set_beside",
    )
    threads = ("test_each_load_leaves_a_timeline_unless_it_is_switched_off",)

    def test_every_arm_gets_its_rows_records_and_a_report(self):
        result = self.compare("--runs", 2, "--warm-runs", 1, "--max-model-len", 4096)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = (self.out / CSV_NAME).read_text().splitlines()
        self.assertEqual(lines[0], HEADER)
        rows, records = read_rows(self.out), read_records(self.out)
        self.assertEqual([row["run_id"] for row in rows], ["1", "2", "3", "4", "5", "6"])
        self.assertEqual(sorted(self.modes()),
                         ["net", "net", "net_warm", "nvme", "nvme", "nvme_warm"])
        self.assertEqual({row["max_model_len"] for row in rows}, {"4096"})
        self.assertEqual({row["model"] for row in rows}, {"model"})
        self.assertEqual({row["gpu_mem_used_mb"] for row in rows}, {""})
        self.assertEqual([str(r["run_id"]) for r in records], [row["run_id"] for row in rows])
        self.assertEqual({r["schema"] for r in records}, {2})
        self.assertIn("nvme", (self.out / MARKDOWN_NAME).read_text())
        self.assertIn("ratio", result.stdout)

    def test_each_load_leaves_a_timeline_unless_it_is_switched_off(self):
        server = self.server("--ready-after=700", "--read-by=child")
        for flags in ([], ["--no-timeline"]):
            result = self.compare("--runs", 1, "-w", 0, "--warm-runs", 0, *flags, *server)
            self.assertEqual(result.returncode, 0, result.stderr)
        for record in read_records(self.out):
            self.assertGreater(record["sampler_cpu_s"], 0)
        with_rows, without = read_records(self.out)[:2], read_records(self.out)[2:]
        self.assertEqual([r["timeline"] for r in without], [[], []])
        for record in with_rows:
            rows = record["timeline"]
            self.assertGreaterEqual(len(rows), 3)
            times = [row["t_s"] for row in rows]
            self.assertEqual(times, sorted(times))
            for key in ("storage_bytes", "read_calls", "cpu_s"):
                known = [row[key] for row in rows if row[key] is not None]
                self.assertEqual(known, sorted(known), key)
            if record["storage_bytes_read"] is not None:
                known = [row["storage_bytes"] for row in rows if row["storage_bytes"] is not None]
                self.assertGreaterEqual(known[-1], 0.9 * record["checkpoint_bytes"])

    def test_run_ids_go_on_across_experiments(self):
        for _ in range(2):
            self.assertEqual(self.compare("--runs", 1, "--warm-runs", 0).returncode, 0)
        self.assertEqual([row["run_id"] for row in read_rows(self.out)], ["1", "2", "3", "4"])

    def test_the_seed_reproduces_the_order(self):
        orders = []
        for _ in range(2):
            before = len(read_rows(self.out)) if self.out.exists() else 0
            self.compare("--runs", 4, "--warm-runs", 0, "--seed", 7)
            orders.append(self.modes()[before:])
        self.assertEqual(orders[0], orders[1])
        for block in range(4):
            self.assertEqual(set(orders[0][2 * block:2 * block + 2]), {"nvme", "net"})
        self.assertEqual({r["seed"] for r in read_records(self.out)}, {7})

    def test_an_automatic_number_of_runs_is_enough_or_the_most(self):
        for flags, runs in ((["--precision", "100000%"], 5), (["--precision", "0.0001%"], 7)):
            self.out = self.scratch / f"out-{runs}"
            result = self.compare("--runs", "auto", "--max-runs", "7", "--warm-runs", "1",
                                  "--no-floor", *flags)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual([self.modes().count(mode) for mode in ("nvme", "net", "nvme_warm")],
                             [runs, runs, 1])
            report = (self.out / "storage_layout_bench.md").read_text(encoding="utf-8")
            self.assertIn("coldload chose the number of runs: runs went on until", report)

    def test_abba_and_sequential_orders(self):
        self.compare("--runs", 2, "--warm-runs", 0, "--order", "abba")
        self.compare("--runs", 2, "--warm-runs", 0, "--order", "sequential")
        self.assertEqual(self.modes(), ["nvme", "net", "net", "nvme", "nvme", "nvme", "net", "net"])

    def test_the_report_is_written_again_byte_for_byte(self):
        self.compare("--runs", 1)
        report = self.out / MARKDOWN_NAME
        first = report.read_bytes()
        report.unlink()
        again = run(["report", self.out / JSONL_NAME], env={"LC_ALL": "C", "TZ": "Asia/Tokyo"})
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(report.read_bytes(), first)

    def test_the_first_screen_can_be_had_alone(self):
        self.compare("--runs", 1)
        records = self.out / JSONL_NAME
        short = run(["report", records, "--short"])
        self.assertEqual(short.returncode, 0, short.stderr)
        screen, table = short.stdout.split("## What was measured")
        report = (self.out / MARKDOWN_NAME).read_text(encoding="utf-8")
        self.assertTrue(re.sub(r"!\[.*\]\(.*\)\n\n", "", report).startswith(screen))
        self.assertIn("`net`", table)
        self.assertEqual(run(["report", records, "--short", "--json"]).returncode, 2)
        for form in ("--short", "--recommendation", "--json", "--what-if=rate=1GB/s"):
            failed = run(["report", records, form, "--fail-if", "load_s.net>0"])
            self.assertEqual(failed.returncode, 4, failed.stderr)

    def test_a_threshold_fails_with_its_own_code_and_a_sentence(self):
        result = self.compare("--runs", "1", "--warm-runs", "0", "--no-floor", "--fail-if",
                              "load_s.net>1000", "--fail-if", "ratio.net<0.0001")
        self.assertEqual(result.returncode, 0, result.stderr)
        records = self.out / "storage_layout_bench.jsonl"
        result = run(["report", records, "--fail-if", "load_s.net > 0"])
        self.assertEqual(result.returncode, 4)
        self.assertRegex(result.stderr, r"coldload: failed: load_s\.net is [\d.e-]+, above 0\n")
        self.assertEqual(run(["report", records, "--json", "--fail-if", "ratio>1e9"]).returncode, 0)
        self.assertEqual(run(["report", records, "--fail-if", "load_s.ent>1"]).returncode, 1)
        self.assertEqual(self.compare("--runs", "1", "--warm-runs", "0", "--no-floor", "--fail-if",
                                      "load_s.nvme>0").returncode, 4)

    def test_a_threshold_is_of_this_experiment_whatever_lies_beside_it(self):
        few = ("--runs", "1", "--warm-runs", "0", "--no-floor")
        self.assertEqual(self.compare(*few).returncode, 0)
        # A clock that was ahead, and times that would decide the median.
        records = self.out / JSONL_NAME
        lines = [json.loads(line) for line in records.read_text(encoding="utf-8").splitlines()]
        for line in lines:
            line.update(load_s=5000, started_at="2099-01-01T00:00:00Z")
        records.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        result = self.compare(*few, "--fail-if", "load_s.net>1000")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(run(["report", records, "--fail-if", "load_s.net>1000"]).returncode, 4)

    def test_a_ratio_is_over_the_first_path_that_is_there(self):
        def planned(condition):
            return run(["compare", "--path", "later=", "--path", f"a={self.model}", "--path",
                        f"b={self.model}", "--dry-run", "--fail-if", condition])
        for condition in ("ratio>3", "ratio.b>3", "ratio.later>3"):
            self.assertEqual(planned(condition).returncode, 0, condition)
        refused = planned("ratio.a>3")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("there are later, b", refused.stderr)

    def test_json_prints_the_comparison(self):
        result = self.compare("--runs", 1, "--warm-runs", 0, "--json", "--quiet")
        comparison = json.loads(result.stdout)["comparison"]
        self.assertEqual(set(comparison["arms"]), {"nvme", "net"})
        self.assertGreater(comparison["ratio"], 0)
        self.assertIsNone(comparison["ratio_ci"])

    def test_the_same_storage_is_said_to_be_the_same(self):
        result = run(["compare", "--path", f"a={self.model}", "--path", f"b={self.model}",
                      "--runs", 1, "--warm-runs", 0, "--out", self.out])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("a and b are the same storage: they are the same directory", result.stderr)
        self.assertIn("same directory", (self.out / MARKDOWN_NAME).read_text())

    def test_paths_that_hold_different_weights_are_said_to(self):
        small = write_checkpoint(self.scratch / "small", shard_bytes=1 << 20)
        large = write_checkpoint(self.scratch / "large", shard_bytes=3 << 20)
        result = run(["compare", "--path", f"a={small}", "--path", f"b={large}", "--dry-run", "--out",
                      self.scratch / "out"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("a holds 1.05 MB of weights, b holds 3.15 MB", result.stderr)

    def test_different_weights_of_one_size_are_said_before_the_runs_and_from_the_records(self):
        def write(name, dtype):
            (self.scratch / name).mkdir()
            write_safetensors(self.scratch / name / "model.safetensors", {"w": (dtype, (256, 1024))})
            sync(self.scratch / name / "model.safetensors")
            return f"{name}={self.scratch / name}"

        result = run(["compare", "--path", write("a", "F32"), "--path", write("b", "I32"), "--runs", 1,
                      "--warm-runs", 0, "--no-floor", "--out", self.out])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("a and b hold different weights of 1.05 MB: tensors of other names, types or shapes; "
                      "their ratio compares more than storage", result.stderr)
        headline = (self.out / MARKDOWN_NAME).read_text().splitlines()[0]
        self.assertIn("hold different weights", headline)
        # From the records alone; those of before have no hash, and say nothing.
        for with_hash in (True, False):
            again = self.scratch / "again" / JSONL_NAME
            again.parent.mkdir(exist_ok=True)
            records = read_records(self.out)
            if not with_hash:
                for record in records:
                    del record["tensors_hash"]
            again.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
            self.assertEqual(run(["report", again]).returncode, 0)
            written = (again.parent / MARKDOWN_NAME).read_text().splitlines()[0]
            self.assertEqual("different weights" in written, with_hash, written)

    def test_the_same_weights_in_other_places_are_not_said_to_differ(self):
        staged = shutil.copytree(self.model, self.scratch / "other" / "model")
        result = run(["compare", "--path", f"a={self.model}", "--path", f"b={staged}", "--dry-run"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("different weights", result.stderr)

    def test_hard_links_are_the_same_storage(self):
        linked = self.scratch / "linked"
        linked.mkdir()
        for path in files_of(self.model):
            os.link(path, linked / path.name)
        result = run(["compare", "--path", f"a={self.model}", "--path", f"b={linked}", "--dry-run"])
        self.assertIn("same inode", result.stderr)

    def test_a_dry_run_says_all_and_touches_nothing(self):
        shard = next(p for p in files_of(self.model) if p.suffix == ".safetensors")

        def attempt():
            for path in files_of(self.model):
                warm(path)
            result = self.compare("--dry-run", "--prepare", "echo hello")
            self.assertEqual(result.returncode, 0, result.stderr)
            for word in (str(self.model), "evict", "native-load", "echo hello", str(self.out)):
                self.assertIn(word, result.stdout)
            self.assertFalse(self.out.exists())
            resident, pages = resident_pages(shard)
            return "" if resident > 0.9 * pages else f"{resident} of {pages} pages were left"

        passes_mostly(attempt)

    def test_a_baseline_is_set_beside(self):
        baseline = self.scratch / "old.csv"
        baseline.write_text("storage_mode,load_s\nnvme,12.5\nnet,\n")
        self.compare("--runs", 1, "--warm-runs", 0, "--baseline", baseline)
        self.assertEqual(read_records(self.out)[0]["baseline"],
                         [{"storage_mode": "nvme", "load_s": 12.5}])
        self.assertIn("12.5", (self.out / MARKDOWN_NAME).read_text())

    def test_a_published_gguf_file_is_a_checkpoint(self):
        gguf = self.scratch / "m.gguf"
        gguf.write_bytes(b"GGUF" + os.urandom(1 << 20))
        result = run(["measure", gguf, "--runs", 1, "--warm-runs", 0, "--out", self.out])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(read_records(self.out)[0]["cold"], "verified")


@needs(can_evict())
class Placeholders(CompareTest):
    address = ("test_the_seed_variables_fill_the_paths",)

    def test_an_empty_path_is_left_out_and_its_rows_join_later(self):
        result = run(["compare", "--path", f"nvme={self.model}", "--path", "net=", "--runs", 1,
                      "--warm-runs", 0, "--out", self.out])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("net is left out", result.stderr)
        self.assertEqual(self.modes(), ["nvme"])
        self.assertIn("net", (self.out / MARKDOWN_NAME).read_text())
        self.assertEqual(self.compare("--runs", 1, "--warm-runs", 0).returncode, 0)
        self.assertEqual(sorted(self.modes()), ["net", "nvme", "nvme"])

    def test_the_seed_variables_fill_the_paths(self):
        env = {"MODEL_PATH_NVME": self.model, "MODEL_PATH_NET": self.copy, "RUNS": 1,
               "MAX_MODEL_LEN": 2048, "OUT": self.out}
        self.assertEqual(run(["compare", "--warm-runs", 0], env=env).returncode, 0)
        self.assertEqual(sorted(self.modes()), ["net", "nvme"])
        self.assertEqual(read_rows(self.out)[0]["max_model_len"], "2048")

    def test_a_network_mount_that_is_not_there_yet_is_a_placeholder_in_the_environment_only(self):
        env = {"MODEL_PATH_NVME": self.model, "MODEL_PATH_NET": "/not/there"}
        result = run(["compare", "--runs", 1, "--warm-runs", 0, "--out", self.out], env=env)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("/not/there", result.stderr)
        missing = run(["compare", "--path", f"nvme={self.model}", "--path", "net=/not/there",
                       "--out", self.scratch / "other"])
        self.assertEqual(missing.returncode, 2)
        self.assertIn("/not/there", missing.stderr)
        self.assertFalse((self.scratch / "other").exists())

    def test_only_placeholders_are_refused(self):
        self.assert_refused(run(["compare", "--path", "a=", "--path", "b=", "--out", self.out]),
                            "placeholder")


class BadInput(CompareTest):
    address = (
        "test_wrong_flags",
        "test_wrong_labels",
        "test_a_csv_with_another_header_is_refused_and_kept",
    )

    def test_wrong_flags(self):
        for args, words in (
            (["--runz", "3"], ["--runz", "--runs"]),
            (["--runs", "0", "--warm-runs", "0"], ["--runs"]),
            (["--fail-if", "ratio"], ["ratio", "load_s.net>60"]),
            (["--fail-if", "load_s.ent>1"], ["ent", "nvme, net"]),
            (["--fail-if", "load_s.net_wram>1"], ["net_wram", "nvme, net"]),
            (["--fail-if", "ratio.nvme>1"], ["against the first", "net"]),
            (["--runs", "many"], ["--runs many", "auto"]),
            (["--precision", "5%"], ["--runs auto"]),
            (["--runs", "auto", "--precision", "fine"], ["fine"]),
            (["--runs", "auto", "--precision", "5"], ["write 5% for percent"]),
            (["--runs", "auto", "--order", "sequential"], ["blocks"]),
            (["--order", "zigzag"], ["zigzag"]),
            (["--cold", "very"], ["very"]),
            (["--stand-in", "net=fast"], ["fast"]),
            (["--stand-in", "net=0MB/s"], ["net=0MB/s"]),
            (["--stand-in", "other=1MB/s"], ["other"]),
            (["--budget", "fun=3s"], ["fun"]),
            (["--budget", "user=soon"], ["soon"]),
            (["--gpu-hour", "0"], ["--gpu-hour 0", "not a price"]),
            (["--timeout", "never"], ["never"]),
            (["--native-ring", "big"], ["big"]),
            (["--baseline", "/not/there.csv"], ["/not/there.csv"]),
            (["--", "vllm", "serve"], ["{model}"]),
            (["--", "vllm", "{model}"], ["port"]),
            (["--"], ["--"]),
        ):
            with self.subTest(args=args):
                self.assert_refused(self.compare(*args), *words)

    def test_wrong_labels(self):
        for label in ("", "a,b", "a b", "a\nb", '"', "nvme_warm", "nvme_after_copy", "x" * 65):
            with self.subTest(label=label):
                result = run(["compare", "--path", f"{label}={self.model}", "--path",
                              f"net={self.copy}", "--out", self.out])
                self.assert_refused(result)

    def test_the_same_label_twice(self):
        result = run(["compare", "--path", f"a={self.model}", "--path", f"a={self.copy}", "--out",
                      self.out])
        self.assert_refused(result, "'a'")

    def test_one_path_is_measure(self):
        self.assert_refused(run(["compare", "--path", f"a={self.model}", "--out", self.out]),
                            "measure")

    def test_a_path_without_a_checkpoint(self):
        empty = self.scratch / "empty"
        empty.mkdir()
        for path in (empty, self.model / "config.json"):
            with self.subTest(path=path):
                result = run(["compare", "--path", f"a={self.model}", "--path", f"b={path}",
                              "--out", self.out])
                self.assert_refused(result, str(path))

    def test_a_csv_with_another_header_is_refused_and_kept(self):
        self.out.mkdir()
        csv = self.out / CSV_NAME
        csv.write_text("a,b\n1,2\n")
        result = self.compare("--runs", 1)
        self.assertEqual(result.returncode, 2)
        self.assertIn(str(csv), result.stderr)
        self.assertEqual(csv.read_text(), "a,b\n1,2\n")

    def test_an_out_directory_that_is_a_file(self):
        self.out.write_text("")
        result = self.compare("--runs", 1)
        self.assertEqual(result.returncode, 2)
        self.assertIn(str(self.out), result.stderr)


@needs(can_evict(), has_fake_server())
class Servers(CompareTest):
    address = (
        "test_a_server_that_dies_at_once_tells_its_last_words",
        "test_a_server_that_answers_rubbish",
        "test_a_taken_port_is_named_with_its_owner",
        "test_hooks_run_in_hyperfines_order",
    )

    def measure(self, *args, **kw):
        return run(["measure", self.model, "--runs", 1, "--warm-runs", 0, "-w", 0, "--out",
                    self.out, *args], **kw)

    def assert_failed_row(self, result, *words, status="failed"):
        self.assertEqual(result.returncode, 1, result.stderr)
        row = read_rows(self.out)[-1]
        self.assertEqual(row["load_s"], "")
        self.assertEqual(read_notes(row)["status"], status)
        for word in words:
            self.assertIn(word, read_records(self.out)[-1]["reason"])

    def test_a_discarded_warm_up_launch_comes_first_and_leaves_no_row(self):
        result = run(["measure", self.model, "--runs", 1, "--warm-runs", 0, "--out", self.out,
                      *self.server()])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("warm-up launch (discarded)", result.stderr)
        self.assertEqual(self.modes(), ["path"])
        logs = sorted(path.name for path in self.out.glob("logs/*/*.log"))
        self.assertEqual(logs, ["001-path_warmup.log", "002-path.log"])

    def test_a_command_that_does_not_exist(self):
        result = self.measure("--", "no-such-server", "{model}", "--port", "{port}")
        self.assert_failed_row(result, "no-such-server")

    def test_a_launch_that_fails_has_the_word_that_its_trial_would_have(self):
        command = ["--", "no-such-server", "{model}", "--port", "{port}"]
        for policy, word in (("verify", "unknown"), ("best-effort", "unknown"), ("off", "off")):
            result = run(["measure", self.model, "--runs", 1, "--warm-runs", 1, "-w", 0, "--out",
                          self.scratch / policy, "--cold", policy, "--ignore-failure", *command])
            self.assertEqual(result.returncode, 0, result.stderr)
            records = read_records(self.scratch / policy)
            self.assertEqual([r["cold"] for r in records], [word, "warm"], policy)
            self.assertEqual([r["status"] for r in records], ["failed"] * 2)

    def test_a_server_that_dies_at_once_tells_its_last_words(self):
        result = self.measure("--", "sh", "-c", "echo out of luck >&2; exit 7", "{model}",
                              "--port", "{port}")
        self.assert_failed_row(result, "exit code 7", "out of luck")

    def test_a_failed_warm_up_is_a_row(self):
        result = run(["measure", self.model, "--runs", 1, "--out", self.out, "--", "false",
                      "{model}", "--port", "{port}"])
        self.assert_failed_row(result, "warm-up launch failed")

    def test_a_server_that_never_gets_ready(self):
        result = self.measure("--timeout", "1s", *self.server("--never-ready"))
        self.assert_failed_row(result, "1 s", status="timed_out")

    def test_a_server_that_answers_rubbish(self):
        result = self.measure("--timeout", "1s",
                              *self.server("--before=garbage", "--never-ready"))
        self.assert_failed_row(result, status="timed_out")

    def test_a_taken_port_is_named_with_its_owner(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            port = listener.getsockname()[1]
            result = self.measure("--", FAKE_SERVER, "--model", "{model}", "--port", str(port))
            self.assert_failed_row(result, str(port))

    def test_a_fixed_port_in_the_argv_is_recognised(self):
        result = self.measure("--", FAKE_SERVER, "--model", "{model}", "--port",
                              str(free_port()), "--read=full")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_the_first_failure_stops_unless_told_otherwise(self):
        command = ["--", "false", "{model}", "--port", "{port}"]
        self.compare("--runs", 2, "-w", 0, *command)
        self.assertEqual(len(read_rows(self.out)), 1)
        result = self.compare("--runs", 2, "-w", 0, "--warm-runs", 0, "--ignore-failure", *command)
        self.assertEqual(len(read_rows(self.out)), 5)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_nothing_of_a_server_that_hides_its_workers_is_left(self):
        mark = f"mark-{uuid.uuid4()}"
        result = self.measure(*self.server("--spawn-workers=2", "--ignore-sigterm"),
                              env={"TEST_MARK": mark})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(processes_with(mark), [])

    def test_hooks_run_in_hyperfines_order(self):
        trace = self.scratch / "trace"
        hook = f'echo {{}} $COLDLOAD_ARM >> {trace}'
        self.compare("--runs", 1, "--warm-runs", 0, "-w", 0, "--order", "sequential",
                     "--setup", hook.format("setup"), "--prepare", hook.format("prepare"),
                     "--cleanup", hook.format("cleanup"))
        self.assertEqual(trace.read_text().split("\n")[:-1], [
            "setup nvme", "setup net", "prepare nvme", "prepare net", "cleanup nvme",
            "cleanup net"])

    def test_every_arm_is_cleaned_up_whatever_becomes_of_the_others(self):
        trace = self.scratch / "trace"
        result = run(["compare", *self.paths, "--path", f"third={self.model}", "--out", self.out,
                      "--runs", 1, "--warm-runs", 0, "--no-floor",
                      "--cleanup", f"echo $COLDLOAD_ARM >> {trace}; exit 3"])
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("--cleanup of nvme", result.stderr)
        self.assertEqual(trace.read_text().split(), ["nvme", "net", "third"])

    def test_a_failing_hook_stops_with_its_name(self):
        result = self.compare("--runs", 1, "--prepare", "exit 3")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--prepare", result.stderr)

    def test_two_experiments_do_not_share_a_checkpoint(self):
        mark = f"mark-{uuid.uuid4()}"
        first = start(["measure", self.model, "--runs", 1, "-w", 0, "--out", self.scratch / "a",
                       *self.server("--never-ready")], env={"TEST_MARK": mark},
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            deadline = time.monotonic() + 20
            while not list((self.scratch / "a").glob("logs/*/*.log")):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
            second = self.measure("--timeout", "5s", *self.server())
            self.assertEqual(second.returncode, 1)
            self.assertIn(f"process {first.pid} (", second.stderr)
            self.assertIn("has it locked; two experiments would evict each other's pages", second.stderr)
        finally:
            first.send_signal(signal.SIGINT)
            first.communicate(timeout=30)


@needs(can_evict(), has_fake_server())
class Interrupts(CompareTest):
    threads = True

    def interrupted(self, args, wait_for):
        mark = f"mark-{uuid.uuid4()}"
        process = start(["compare", *self.paths, "--out", self.out, *args],
                        env={"TEST_MARK": mark, "XDG_RUNTIME_DIR": self.scratch},
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while not wait_for():
            self.assertLess(time.monotonic(), deadline, "it does not get there")
            self.assertIsNone(process.poll(), "it ended by itself")
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual(processes_with(mark), [])
        self.assertEqual(mounts_below(self.scratch), [])

    def test_ctrl_c_keeps_the_rows_so_far_and_writes_the_report(self):
        self.interrupted(
            ["--runs", 3, "-w", 0, *self.server("--ready-after=400")],
            lambda: (self.out / CSV_NAME).exists() and len(read_rows(self.out)) >= 2)
        self.assertEqual(len(read_rows(self.out)), len(read_records(self.out)))
        self.assertTrue((self.out / MARKDOWN_NAME).exists())

    @needs(has_fuse(), is_root())
    def test_ctrl_c_unmounts_the_stand_in(self):
        self.interrupted(
            ["--stand-in", "net=50MB/s,1ms", "-w", 0, *self.server("--never-ready")],
            lambda: bool(list(self.out.glob("logs/*/*.log"))))

    @needs(has_fuse(), is_root())
    def test_sigkill_leaves_no_mount_behind_and_the_next_start_works(self):
        process = start(["compare", *self.paths, "--out", self.out, "--stand-in", "net=50MB/s",
                         "-w", 0, *self.server("--never-ready")],
                        env={"XDG_RUNTIME_DIR": self.scratch}, stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not list(self.out.glob("logs/*/*.log")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.assertEqual(len(mounts_below(self.scratch)), 1)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 20
        while mounts_below(self.scratch):
            self.assertLess(time.monotonic(), deadline, "the mount stays")
            time.sleep(0.05)
        again = self.compare("--runs", 1, "--warm-runs", 0, "-w", 0)
        self.assertEqual(again.returncode, 0, again.stderr)


@needs(can_evict())
class StandIns(CompareTest):
    threads = (
        "test_a_stand_in_arm_is_verified_and_labelled",
        "test_without_fuse_the_native_loaders_reads_are_held_to_the_rate",
    )

    @needs(has_fuse())
    def test_a_stand_in_arm_is_verified_and_labelled(self):
        result = run(["compare", "--path", f"nvme={self.model}", "--path", f"net={self.model}",
                      "--stand-in", "net=80MB/s,1ms", "--runs", 1, "--out", self.out],
                     env={"TMPDIR": self.scratch})
        self.assertEqual(result.returncode, 0, result.stderr)
        record = next(r for r in read_records(self.out) if r["storage_mode"] == "net")
        self.assertEqual((record["cold"], record["storage_bytes_source"]),
                         ("verified", "stand_in"))
        row = next(row for row in read_rows(self.out) if row["storage_mode"] == "net")
        self.assertIn("80MB/s", read_notes(row)["stand_in"])
        self.assertEqual(mounts_below(self.scratch), [])
        self.assertIn("stand-in", (self.out / MARKDOWN_NAME).read_text())

    @needs(is_root())
    def test_without_fuse_the_native_loaders_reads_are_held_to_the_rate(self):
        # As a user who may neither open /dev/fuse nor run fusermount3.
        nobody = 65534
        self.scratch.chmod(0o755)
        self.out.mkdir()
        os.chown(self.out, nobody, nobody)
        for path in files_of(self.model):
            os.chown(path, nobody, nobody)
        result = run(["compare", "--path", f"nvme={self.model}", "--path", f"net={self.model}",
                      "--stand-in", "net=20MB/s,1ms", "--runs", 1, "--warm-runs", 0, "--out",
                      self.out],
                     env={"PATH": "/nowhere"}, user=nobody, group=nobody, extra_groups=[])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("held to 20MB/s,1ms instead", result.stderr)
        record = next(r for r in read_records(self.out) if r["storage_mode"] == "net")
        self.assertGreater(record["load_s"], 0.3)  # 8 MB at 20 MB/s
        self.assertEqual(record["arms"][1]["stand_in"]["method"], "reader")

    @needs(is_root(), has_fake_server())
    def test_without_fuse_a_server_cannot_be_shaped_and_it_is_said(self):
        nobody = 65534
        self.scratch.chmod(0o755)
        self.out.mkdir()
        os.chown(self.out, nobody, nobody)
        result = run(["measure", self.model, "--stand-in", "path=20MB/s", "--out", self.out,
                      *self.server()],
                     env={"PATH": "/nowhere"}, user=nobody, group=nobody, extra_groups=[])
        self.assertEqual(result.returncode, 1)
        self.assertIn("fuse", result.stderr)


if __name__ == "__main__":
    unittest.main()
