"""coldload-mpi on one machine: several ranks, each with a checkpoint of its own, so that each has a
page cache of its own, as nodes have."""

import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

from harness import (COLDLOAD, FAKE_SERVER, MARKDOWN_NAME, can_evict, has_fake_server, has_fuse, needs,
                     processes_with, read_notes, read_records, read_rows, write_checkpoint)
from herds import HerdTest
from mpi import COLDLOAD_MPI, has_mpi


def use_all_processors():
    os.sched_setaffinity(0, range(os.cpu_count()))


@needs(has_mpi(), can_evict())
class NodesAtOnce(HerdTest):
    def test_each_node_is_cold_and_has_a_row(self):
        result = self.herd("--sizes", "1,3", "--runs", 2)
        self.assertEqual(result.returncode, 0, result.stderr)
        records = read_records(self.out)
        self.assertEqual(sorted(record["storage_mode"] for record in records),
                         ["net_herd1"] * 2 + ["net_herd3"] * 6)
        trials = {}
        for record in records:
            self.assertEqual((record["status"], record["cold"], record["arm"]),
                             ("ok", "verified", "net"), record["reason"])
            self.assertEqual(record["resident_bytes_before"], 0)
            herd = record["herd"]
            self.assertEqual(record["path"], str(self.scratch / f"model{herd['rank']}"))
            self.assertEqual(herd["host"], os.uname().nodename)
            trials.setdefault(record["position"], []).append(herd)
            self.assertTrue((self.out / record["log"]).exists() or herd["rank"] > 0)
        self.assertEqual(sorted(trials), [1, 2, 3, 4])
        for herds in trials.values():
            self.assertEqual(len(herds), herds[0]["size"])
            self.assertEqual(min(herd["launch_skew_s"] for herd in herds), 0)
        for row in read_rows(self.out):
            notes = read_notes(row)
            self.assertEqual(row["storage_mode"], f"net_herd{notes['herd']}")
        report = (self.out / MARKDOWN_NAME).read_text(encoding="utf-8")
        self.assertIn("all of 3 nodes are ready in", report)
        self.assertIn("## Several nodes at once", report)
        self.assertIn("all of 3 nodes are ready in", result.stdout)

    @needs(has_fake_server())
    def test_staggered_nodes_launch_one_after_the_other(self):
        result = self.herd("--sizes", "3", "--runs", 1, "-w", 0, "--stagger", "1s", "--server", "generic", *self.server())
        self.assertEqual(result.returncode, 0, result.stderr)
        records = read_records(self.out)
        self.assertEqual([record["storage_mode"] for record in records], ["net_herd3_stagger1s"] * 3)
        for place, record in enumerate(records):
            self.assertEqual((record["cold"], record["herd"]["stagger_s"]), ("verified", 1), record["reason"])
            self.assertGreaterEqual(record["herd"]["launch_skew_s"], 0.5 * place)
        report = (self.out / MARKDOWN_NAME).read_text(encoding="utf-8")
        self.assertIn("| `net` | 3, 1 s apart |", report)

    def telling_server(self):
        """A server that says in `seen` that it was launched."""
        server = self.scratch / "server"
        server.write_text(f'#!/bin/sh\necho launch >>{self.scratch}/seen\nexec {FAKE_SERVER} "$@"\n', encoding="utf-8")
        server.chmod(0o755)
        return ("--", server, "--model", "{model}", "--port", "{port}", "--read", "full")

    def await_launch(self, herd):
        give_up = time.monotonic() + 60
        while not (self.scratch / "seen").exists():
            self.assertIsNone(herd.poll(), herd.poll() is not None and herd.stderr.read())
            self.assertLess(time.monotonic(), give_up)
            time.sleep(0.05)

    def launches(self):
        return (self.scratch / "seen").read_text(encoding="utf-8").split().count("launch")

    @needs(has_fake_server(), has_fuse())
    def test_what_others_read_before_a_staggered_launch_is_seen(self):
        mounts = [self.scratch / f"mount{rank}" for rank in range(self.ranks)]
        stand_in = subprocess.Popen([COLDLOAD, "shape", self.scratch / "model0", *mounts, "--rate", "500MB/s",
                                     "--no-measure"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(stand_in.communicate, timeout=60)
        self.addCleanup(stand_in.terminate)
        for mount in mounts:
            self.assertIn(str(mount), stand_in.stdout.readline())
        herd = self.start("--sizes", "3", "--runs", 1, "-w", 0, "--stagger", "10s", "--server", "generic",
                          *self.telling_server(), path="mount{rank}")
        self.await_launch(herd)  # of the first; the last is twenty seconds away
        for shard in mounts[2].glob("*.safetensors"):
            shard.read_bytes()
        _, err = herd.communicate(timeout=self.timeout_s - 60)
        records = {record["herd"]["rank"]: record for record in read_records(self.out)}
        self.assertEqual(records[2]["cold"], "not_cold", err)
        self.assertEqual(herd.returncode, 3, err)

    @needs(has_fake_server())
    def test_an_interrupt_before_a_staggered_launch_launches_nothing(self):
        herd = self.start("--sizes", "2", "--runs", 1, "-w", 0, "--stagger", "60s", "--server", "generic",
                          *self.telling_server())
        self.await_launch(herd)
        herd.send_signal(signal.SIGINT)
        herd.communicate(timeout=self.timeout_s - 60)
        self.assert_nothing_runs()
        self.assertEqual(self.launches(), 1)

    def test_copies_begin_when_the_server_is_prepared(self):
        copies = self.scratch / "copies"
        copies.mkdir()
        result = self.herd("--sizes", "2", "--runs", 1, "-w", 0, "--stage", f"net:{copies}/{{rank}}", "--keep-staged",
                           "--seed", 1, "--prepare-server", f"sleep 1; touch {self.scratch}/prepared")
        self.assertEqual(result.returncode, 0, result.stderr)
        staged = [record for record in read_records(self.out) if record["arm"] == "staged"]
        self.assertEqual([record["position"] for record in staged], [2, 2], "the seed has them last")
        prepared = (self.scratch / "prepared").stat().st_mtime
        for record in staged:
            for shard in pathlib.Path(record["path"]).glob("*.safetensors"):
                self.assertGreaterEqual(shard.stat().st_ctime, prepared)

    @needs(has_fake_server())
    def test_each_node_reads_ahead_and_stages_for_itself(self):
        copies = self.scratch / "copies"
        copies.mkdir()
        result = self.herd("--sizes", "1,2", "--runs", 1, "-w", 0, "--prefetch", "net", "--stage",
                           f"net:{copies}/of-{{rank}}", "--server", "generic", *self.server())
        self.assertEqual(result.returncode, 0, result.stderr)
        records = read_records(self.out)
        self.assertEqual(sorted(record["storage_mode"] for record in records), sorted(
            ["net_herd1", "net_prefetch_herd1", "staged_after_copy_herd1"]
            + ["net_herd2", "net_prefetch_herd2", "staged_after_copy_herd2"] * 2))
        for record in records:
            staged = record["arm"] == "staged"
            self.assertEqual((record["status"], record["cold"]), ("ok", "off" if staged else "verified"),
                             record["reason"])
            self.assertEqual(record["copy_s"] is not None, staged)
            if staged:
                self.assertEqual(record["path"], f"{copies}/of-{record['herd']['rank']}")
        self.assertEqual(list(copies.iterdir()), [], "a copy was left behind")
        report = (self.out / MARKDOWN_NAME).read_text(encoding="utf-8")
        self.assertIn("copied in", report)
        self.assertIn("after a copy of", report)

    @needs(has_fake_server())
    def test_the_server_is_prepared_before_any_node_of_a_trial_launches(self):
        result = self.herd("--sizes", "2", "--runs", 2, "-w", 0, "--server", "generic", "--prepare-server",
                           f'sleep 1; echo "for $COLDLOAD_PATH" >>{self.scratch}/seen', *self.telling_server())
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((self.scratch / "seen").read_text(encoding="utf-8").splitlines(),
                         [f"for {self.scratch / 'model0'}", "launch", "launch"] * 2)

    def test_nodes_wait_for_a_server_that_is_long_to_prepare(self):
        result = self.herd("--sizes", "2", "--runs", 1, "--prepare-server", "sleep 63")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual({record["status"] for record in read_records(self.out)}, {"ok"})

    def test_a_server_that_cannot_be_prepared_ends_it(self):
        result = self.herd("--sizes", "1,2", "--prepare-server", "exit 3")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("--prepare-server of net failed (exit code 3): exit 3", result.stderr)
        self.assertEqual(read_rows(self.out), [])

    @needs(has_fake_server())
    def test_servers_run_until_the_last_is_ready_and_know_nothing_of_mpi(self):
        slow = self.scratch / "server"
        slow.write_text(f"#!/bin/sh\ncase $2 in */model1) set -- \"$@\" --ready-after 8000;; esac\n"
                        f"env >{self.scratch}/environment.$$\ngrep Cpus_allowed_list /proc/self/status >{self.scratch}/processors.$$\n"
                        f"exec {FAKE_SERVER} \"$@\"\n", encoding="utf-8")
        slow.chmod(0o755)
        result = self.herd("--sizes", "3", "--runs", 1, "--server", "generic", "--",
                           slow, "--model", "{model}", "--port", "{port}", "--read", "full")
        self.assertEqual(result.returncode, 0, result.stderr)
        loads = {record["herd"]["rank"]: record["load_s"] for record in read_records(self.out)}
        self.assertGreater(loads[1], 8)
        self.assertLess(max(loads[0], loads[2]), loads[1])
        for seen in self.scratch.glob("environment.*"):
            self.assertNotRegex(seen.read_text(encoding="utf-8"), "(?m)^(OMPI|PMIX|PMI|HYDI|MPI)_")
        # All processors that may be had, not the one that mpirun has bound the rank to.
        unbound = subprocess.run(["grep", "Cpus_allowed_list", "/proc/self/status"], check=True, text=True,
                                 capture_output=True, preexec_fn=use_all_processors).stdout
        seen = [file.read_text(encoding="utf-8") for file in self.scratch.glob("processors.*")]
        self.assertEqual(seen, [unbound] * len(seen))
        self.assertGreaterEqual(len(seen), 3)


@needs(has_mpi(), can_evict())
class RefusedHerds(HerdTest):
    ranks = 2

    def assert_refused(self, result, *words, code=2):
        self.assertEqual(result.returncode, code, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertEqual(result.stderr.count("coldload: "), 1, result.stderr)
        self.assertFalse((self.out / "storage_layout_bench.md").exists())

    def test_ranks_that_share_a_page_cache(self):
        self.assert_refused(self.herd("--sizes", "1,2", path="model0"),
                            "rank 0", "rank 1", "share a page cache")

    def test_more_nodes_than_ranks(self):
        self.assert_refused(self.herd("--sizes", "4"), "--sizes 4", "mpirun -n 4")

    def test_a_path_that_one_node_lacks(self):
        shutil.rmtree(self.scratch / "model1")
        self.assert_refused(self.herd("--sizes", "2"), "rank 1", "model1")

    def test_another_checkpoint_on_one_node(self):
        shutil.rmtree(self.scratch / "model1")
        write_checkpoint(self.scratch / "model1", shard_bytes=2 << 20)
        self.assert_refused(self.herd("--sizes", "2"), "the checkpoints differ", "rank 1")


@needs(has_mpi(), can_evict(), has_fake_server())
class NodesThatFail(HerdTest):
    ranks = 2

    def test_a_server_that_fails_on_one_node_fails_the_trial(self):
        server = self.scratch / "server"
        server.write_text(f"#!/bin/sh\ncase $2 in */model1) exit 7;; esac\nexec {FAKE_SERVER} \"$@\"\n",
                          encoding="utf-8")
        server.chmod(0o755)
        result = self.herd("--sizes", "2", "--runs", 3, "-w", 0, "--server", "generic", "--", server,
                           "--model", "{model}", "--port", "{port}", "--read", "full")
        self.assertEqual(result.returncode, 1, result.stderr)
        records = {record["herd"]["rank"]: record for record in read_records(self.out)}
        self.assertEqual({record["status"] for record in records.values()}, {"failed"})
        self.assertIn("rank 1", records[0]["reason"])
        self.assertEqual(len(read_rows(self.out)), 2, "the next trials are not made")

    def wait_for_servers(self, process):
        give_up = time.monotonic() + 120
        while True:
            servers = [command for _, command in processes_with(self.mark())
                       if command.startswith(FAKE_SERVER)]
            if {f"model{rank}" in " ".join(servers) for rank in range(self.ranks)} == {True}:
                return
            self.assertIsNone(process.poll(), "it ended")
            self.assertLess(time.monotonic(), give_up, "no servers")
            time.sleep(0.1)

    def end_and_look(self, process):
        try:
            process.communicate(timeout=60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        self.assertNotEqual(process.returncode, 0)
        self.assert_nothing_runs()

    def test_an_interrupt_leaves_no_server(self):
        process = self.start("--sizes", "2", "--runs", 1, "-w", 0, *self.server("--never-ready"))
        self.wait_for_servers(process)
        process.send_signal(signal.SIGINT)
        self.end_and_look(process)

    def test_a_rank_that_dies_leaves_no_server(self):
        process = self.start("--sizes", "2", "--runs", 1, "-w", 0, *self.server("--never-ready"))
        self.wait_for_servers(process)
        ranks = [pid for pid, command in processes_with(self.mark())
                 if command.startswith(f"{COLDLOAD_MPI} --path")]
        os.kill(max(ranks), signal.SIGKILL)
        self.end_and_look(process)


if __name__ == "__main__":
    unittest.main()
