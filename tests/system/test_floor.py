"""`coldload floor`: figures of this path with reasons for what is missing, nothing written, the page
cache as it was found, and no hanging with a mount that hangs."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import time

from harness import (
    FAKE_SERVER,
    ScratchTest,
    can_evict,
    evict,
    files_of,
    has_fake_server,
    has_fuse,
    kept,
    needs,
    plain_build,
    read_records,
    resident_pages,
    run,
    start,
    stop,
    write_checkpoint,
)

SHARD_BYTES = 48 << 20


def shards_of(model):
    return [path for path in files_of(model) if path.suffix == ".safetensors"]


class FloorTest(ScratchTest):
    timeout_s = 180

    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model", shards=2, shard_bytes=SHARD_BYTES)

    def floor(self, *args, model=None, expect=0, **kw):
        result = run(["floor", model or self.model, "--time", "2", *args], **kw)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def json_floor(self, *args, **kw):
        return json.loads(self.floor("--json", *args, **kw).stdout)


class Answers(FloorTest):
    threads = (
        "test_json_has_a_figure_or_a_reason_everywhere",
        "test_more_shards_than_files_may_be_open",
    )

    def test_the_table_names_every_figure(self):
        result = self.floor()
        for word in ("file system", "storage", "in flight", "one reader", "latency", "page cache",
                     "GPU", "of checkpoint: floor"):
            self.assertIn(word, result.stdout)
        self.assertEqual(result.stderr, "")  # progress is for terminals

    def test_json_has_a_figure_or_a_reason_everywhere(self):
        answer = self.json_floor()
        sizes = sum(path.stat().st_size for path in shards_of(self.model))
        self.assertEqual(answer["checkpoint_bytes"], sizes)
        storage = answer["floor"]["storage"]
        for part in (*storage["levels"], storage["sequential"], answer["floor"]["page_cache"]):
            self.assertNotEqual(part["bytes_per_s"] is None, part["reason"] is None, part)
        self.assertNotEqual(storage["latency"]["median_s"] is None,
                            storage["latency"]["reason"] is None)
        gpu = answer["floor"]["gpu"]
        self.assertTrue(gpu["index"] is not None or gpu["reason"])
        if storage["bytes_per_s"] and gpu["to_gpu_bytes_per_s"] is None:
            self.assertAlmostEqual(answer["floor_s"], sizes / storage["bytes_per_s"], places=6)
        self.assertEqual(answer["file_system"]["fs_type"] is None, False)

    def test_writes_nothing_but_the_chart(self):
        before = {path: path.stat().st_mtime_ns for path in self.scratch.rglob("*")}
        self.floor(cwd=self.scratch)
        self.assertEqual(before, {path: path.stat().st_mtime_ns for path in self.scratch.rglob("*")})
        chart = self.scratch / "chart.svg"
        self.floor("--svg", chart)
        self.assertIn("<svg", chart.read_text(encoding="utf-8"))

    def test_more_shards_than_files_may_be_open(self):
        model = write_checkpoint(self.scratch / "many", shards=1500, shard_bytes=4096)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        answer = self.json_floor(
            model=model,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard)))
        self.assertEqual(answer["checkpoint_bytes"],
                         sum(path.stat().st_size for path in shards_of(model)))
        self.assertIn("256 of the 1500 weight files were read, spread over all",
                      answer["floor"]["remarks"])

    def test_a_path_that_does_not_exist_fails(self):
        result = self.floor(model=self.scratch / "nothing", expect=1)
        self.assertIn("nothing", result.stderr)
        self.assertEqual(result.stdout, "")

    def test_wrong_use_is_told_from_failure(self):
        self.floor("--time", "0", expect=2)
        self.floor("--gpu", "minus", expect=2)


@needs(can_evict())
class PageCache(FloorTest):
    threads = ("test_warm_files_stay_warm",)

    def test_cold_files_stay_cold(self):
        for path in shards_of(self.model):
            self.assertEqual(evict(path), 0)
        self.floor()
        for path in shards_of(self.model):
            self.assertEqual(resident_pages(path)[0], 0, path)

    def test_warm_files_stay_warm(self):
        first, second = shards_of(self.model)
        evict(second)
        with kept(first):
            self.floor()
            resident, pages = resident_pages(first)
            self.assertEqual(resident, pages)
        self.assertEqual(resident_pages(second)[0], 0)


@needs(has_fuse(), can_evict())
class StandIn(FloorTest):
    alone = ("test_its_rate_is_what_is_measured",)

    @contextlib.contextmanager
    def mounted(self, rate):
        mount = self.scratch / "net"
        process = start(["shape", self.model, mount, "--json", "--rate", rate, "--no-measure"],
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.assertTrue(process.stdout.readline(), "not mounted")
            yield mount, process
        finally:
            stop(process)

    @needs(plain_build())
    def test_its_rate_is_what_is_measured(self):
        """One look of four: a machine that is busy elsewhere moves a look of a third of a second
        either way, while a floor that reads the wrong thing is wrong every time."""
        seen = []
        with self.mounted("100MB/s") as (mount, _):
            for _ in range(4):
                floor = self.json_floor(model=mount)["floor"]
                self.assertEqual(floor["storage"]["basis"], "measured")
                storage = floor["storage"]["bytes_per_s"]
                cached = floor["page_cache"]["bytes_per_s"]
                seen.append((storage, cached, floor["page_cache"]["reason"]))
                # The bucket saves up a little.
                if storage and cached and 60e6 < storage < 160e6 < cached:
                    return
        self.fail(f"no look saw 100 MB/s and a page cache above it: {seen}")

    @contextlib.contextmanager
    def hanging(self):
        """A mount whose server answers nothing any more."""
        with self.mounted("100MB/s") as (mount, process):
            children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True,
                                      text=True).stdout.split()
            pids = [process.pid, *map(int, children)]
            list(mount.iterdir())
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            try:
                yield mount
            finally:
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)

    def test_a_mount_that_hangs_does_not_hang_it(self):
        with self.hanging() as mount:
            begin = time.monotonic()
            result = self.floor(model=mount, expect=1, timeout=60)
            self.assertLess(time.monotonic() - begin, 40)
            self.assertIn("the mount hangs", result.stderr)
            self.assertIn(str(mount), result.stderr)

    def test_an_interrupt_while_the_mount_hangs_is_told_from_a_failure(self):
        with self.hanging() as mount:
            process = start(["floor", mount], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.addCleanup(stop, process)
            time.sleep(3)  # it asks the mount from its start, and waits for 15 s
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("the mount hangs", err)


@needs(can_evict())
class InExperiments(FloorTest):
    address = ("test_every_trial_is_held_against_its_floor",)

    def measure(self, *args):
        out = self.scratch / "out"
        result = run(["measure", self.model, "--runs", 1, "--warm-runs", 1, "--out", out, *args])
        self.assertEqual(result.returncode, 0, result.stderr)
        report = (out / "storage_layout_bench.md").read_text(encoding="utf-8")
        return read_records(out), report

    def test_every_trial_is_held_against_its_floor(self):
        records, report = self.measure()
        for record in records:
            floor = record["arms"][0]["floor"]
            rate = (floor["page_cache"] if record["cold"] == "warm" else floor["storage"])["bytes_per_s"]
            if rate is None:
                self.assertIsNone(record["floor_s"])
                continue
            self.assertGreater(record["floor_s"], 0)
            self.assertAlmostEqual(record["efficiency"], record["floor_s"] / record["load_s"], places=6)
        self.assertEqual(records[0]["cold"], "verified")
        self.assertIn("What each path delivered before the first run", report)

    def test_no_floor_where_none_is_wanted(self):
        for flags in (["--no-floor"], ["--cold", "off"]):
            records, report = self.measure(*flags)
            self.assertIsNone(records[-1]["arms"][0]["floor"])
            self.assertIsNone(records[-1]["floor_s"])

    def test_the_plan_names_it(self):
        for flags, named in (([], True), (["--no-floor"], False), (["--cold", "off"], False)):
            result = run(["measure", self.model, "--dry-run", *flags])
            self.assertEqual("\nfloor " in result.stdout, named, flags)

    @needs(has_fake_server())
    def test_a_server_without_a_weights_phase_has_a_floor_and_no_efficiency(self):
        records, _ = self.measure("-w", 0, "--", FAKE_SERVER, "--port", "{port}", "--model", "{model}",
                                  "--read", "full")
        self.assertIsNone(records[0]["efficiency"])
