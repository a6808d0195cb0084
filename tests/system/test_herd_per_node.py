"""coldload-mpi with several servers on each node: on one machine two ranks whose paths lead to the same
files share a page cache, as servers of one node do."""

import subprocess
import unittest

from harness import (COLDLOAD, FAKE_SERVER, MARKDOWN_NAME, ScratchTest, can_evict, has_fake_server, has_fuse,
                     kept, needs, read_notes, read_records, read_rows, write_checkpoint)
from herds import HerdTest
from mpi import has_mpi


class _TwoNodes(HerdTest):
    """Ranks 0 and 1 are one node, 2 and 3 another one."""
    ranks = 4
    nodes = "aabb"

    def setUp(self):
        ScratchTest.setUp(self)
        self.out = self.scratch / "out"
        for node in sorted(set(self.nodes)):
            write_checkpoint(self.scratch / f"of-{node}", shards=2, shard_bytes=8 << 20)
        for rank, node in enumerate(self.nodes):
            (self.scratch / f"model{rank}").symlink_to(f"of-{node}")

    def herd(self, *args, per_node=2, **kw):
        return super().herd("--per-node", per_node, "-w", 0, *args, **kw)

    def server_with(self, line):
        """One that runs a line of shell before."""
        server = self.scratch / "server"
        server.write_text(f'#!/bin/sh\n{line}\nexec {FAKE_SERVER} "$@"\n', encoding="utf-8")
        server.chmod(0o755)
        return ("--", server, "--model", "{model}", "--port", "{port}", "--read", "full")

    def by_rank(self):
        return {record["herd"]["rank"]: record for record in read_records(self.out)}


@needs(has_mpi(), can_evict(), has_fake_server())
class SeveralServersOnANode(_TwoNodes):
    def herd(self, *args, **kw):
        return super().herd("--server", "generic", "--env", "TEST_GPU={local_rank}", *args, **kw)

    def test_they_are_cold_together_and_share_what_they_read(self):
        result = self.herd("--sizes", "1,2", "--runs", 1,
                           *self.server_with(f'echo "$TEST_GPU $6" >>{self.scratch}/seen'), "{rank}-{local_rank}")
        self.assertEqual(result.returncode, 0, result.stderr)
        records = read_records(self.out)
        self.assertEqual(sorted(record["storage_mode"] for record in records),
                         ["net_herd1x2"] * 2 + ["net_herd2x2"] * 4)
        read = {}
        for record in records:
            herd = record["herd"]
            self.assertEqual((record["status"], record["cold"]), ("ok", "verified"), record["reason"])
            self.assertEqual((herd["per_node"], herd["node"]), (2, herd["rank"] // 2))
            self.assertEqual(record["resident_bytes_before"], 0)
            self.assertEqual(record["argv"][-1], f"{herd['rank']}-{herd['rank']}")
            read.setdefault((record["position"], herd["node"]), set()).add(record["storage_bytes_read"])
        for of_node in read.values():
            self.assertEqual(len(of_node), 1, "the rows of a node say what the node read")
        for row in read_rows(self.out):
            notes = read_notes(row)
            self.assertEqual(row["storage_mode"], f"net_herd{notes['herd']}x{notes['per_node']}")
            self.assertEqual(int(notes["node"]), int(notes["rank"]) // 2)
        launched = (self.scratch / "seen").read_text(encoding="utf-8").split("\n")[:-1]
        self.assertEqual(len(launched), 6)
        self.assertEqual({line.split()[0] for line in launched}, {"0", "1", "2", "3"})
        report = (self.out / MARKDOWN_NAME).read_text(encoding="utf-8")
        self.assertIn("From `net` with 2 servers on each node one node is ready in", report)
        self.assertIn("all of 2 nodes are ready in", report)

    def test_one_half_read_by_each_past_the_page_cache_is_not_the_whole(self):
        half = ('for file in $2/*.safetensors; do dd if="$file" of=/dev/null bs=1M count=4 iflag=direct 2>/dev/null; '
                "done\nset -- \"$@\" --read none")
        result = self.herd("--sizes", "1", "--runs", 1, *self.server_with(half))
        for record in read_records(self.out):
            self.assertEqual(record["cold"], "unknown", result.stderr)
            self.assertIn("several may have read the same part", record["reason"])

    def test_a_credential_that_is_each_ranks_own_is_not_shown(self):
        result = self.herd("--sizes", "1", "--runs", 1, *self.server_with('echo "bad key $8" >&2; exit 3'),
                           "--api-key", "sk-secretsecret-{rank}")
        self.assertEqual(result.returncode, 1)
        shown = result.stdout + result.stderr + "".join(file.read_text(encoding="utf-8") for file in self.out.rglob("*")
                                                       if file.is_file())
        self.assertIn("bad key", shown)
        self.assertNotIn("sk-secret", shown)

    @needs(has_fuse())
    def test_behind_a_mount_that_counts_for_all_they_are_no_strangers_to_each_other(self):
        mounts = [self.scratch / f"mount{node}" for node in "ab"]
        stand_in = subprocess.Popen([COLDLOAD, "shape", self.scratch / "of-a", *mounts, "--rate", "10MB/s",
                                     "--no-measure"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(stand_in.communicate, timeout=60)
        self.addCleanup(stand_in.terminate)
        for mount in mounts:
            self.assertIn(str(mount), stand_in.stdout.readline())
        for rank, node in enumerate(self.nodes):
            (self.scratch / f"model{rank}").unlink()
            (self.scratch / f"model{rank}").symlink_to(f"mount{node}")
        result = self.herd("--sizes", "2", "--runs", 1, *self.server())
        self.assertEqual(result.returncode, 0, result.stderr)
        for record in read_records(self.out):
            self.assertEqual((record["cold"], record["storage_bytes_source"]), ("verified", "stand_in"),
                             record["reason"])

    def test_they_read_ahead_and_launch_node_by_node(self):
        result = self.herd("--sizes", "2", "--runs", 1, "--prefetch", "net", "--stagger", "4s", *self.server())
        self.assertEqual(result.returncode, 0, result.stderr)
        records = read_records(self.out)
        self.assertEqual(sorted(record["storage_mode"] for record in records),
                         ["net_herd2x2_stagger4s"] * 4 + ["net_prefetch_herd2x2_stagger4s"] * 4)
        for record in records:
            self.assertEqual((record["status"], record["cold"]), ("ok", "verified"), record["reason"])
            late = record["herd"]["launch_skew_s"] >= 4
            self.assertEqual(late, record["herd"]["node"] == 1, "both servers of a node at one moment")

    def test_what_stays_in_memory_of_one_node_makes_none_cold(self):
        with kept(self.scratch / "of-b" / "model-00001-of-00002.safetensors"):
            result = self.herd("--sizes", "2", "--runs", 1, *self.server())
        self.assertEqual(result.returncode, 3, result.stderr)
        records = self.by_rank()
        self.assertEqual({record["status"] for record in records.values()}, {"not_cold"})
        self.assertIn("stayed in memory", records[2]["reason"])
        self.assertEqual(records[3]["reason"], records[2]["reason"], "one verdict for a node")
        self.assertEqual(records[0]["reason"], records[1]["reason"])
        self.assertIn("rank 2", records[0]["reason"])

    def test_half_of_the_weights_is_not_the_whole_though_both_read_it(self):
        result = self.herd("--sizes", "1", "--runs", 1, "--", FAKE_SERVER, "--model", "{model}", "--port",
                           "{port}", "--read", "half")
        self.assertEqual(result.returncode, 3, result.stderr)
        records = read_records(self.out)
        self.assertEqual([record["status"] for record in records], ["not_cold"] * 2)
        self.assertEqual(records[0]["reason"], records[1]["reason"])

    def test_one_that_fails_fails_them_all(self):
        result = self.herd("--sizes", "2", "--runs", 3, *self.server_with('test "$TEST_GPU" != 1 || exit 7'))
        self.assertEqual(result.returncode, 1, result.stderr)
        records = self.by_rank()
        self.assertEqual({record["status"] for record in records.values()}, {"failed"})
        for rank in (0, 2, 3):
            self.assertIn("rank 1", records[rank]["reason"])
        self.assertEqual(len(read_rows(self.out)), 4, "the next trials are not made")

    def test_one_that_is_never_ready_ends_with_its_time(self):
        result = self.herd("--sizes", "2", "--runs", 1, "--timeout", "40s",  # the others have to be ready by then
                           *self.server_with('test "$TEST_GPU" != 3 || set -- "$@" --never-ready'))
        self.assertEqual(result.returncode, 1, result.stderr)
        records = self.by_rank()
        self.assertEqual(records[3]["status"], "timed_out")
        for rank in (0, 1, 2):
            self.assertEqual(records[rank]["status"], "failed")
            self.assertIn("rank 3", records[rank]["reason"])


@needs(has_mpi(), can_evict())
class RefusedNodes(_TwoNodes):
    nodes = "aaab"

    def assert_refused(self, result, *words):
        self.assertEqual(result.returncode, 2, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr.replace("\n", " "))
        self.assertEqual(result.stderr.count("coldload: "), 1, result.stderr)
        self.assertFalse((self.out / MARKDOWN_NAME).exists())

    def test_nodes_of_other_numbers_of_ranks(self):
        self.assert_refused(self.herd("--sizes", "1"), "--per-node 2 needs 2 ranks on each node", "rank 2",
                            "are 3 on one", "rank 3", "is alone on one", "read files of their own")

    def test_ranks_that_make_no_whole_nodes(self):
        self.assert_refused(self.herd("--sizes", "1", per_node=3), "--per-node 3: mpirun started 4",
                            "mpirun -n 3 --map-by ppr:3:node")

    def test_more_nodes_than_there_are(self):
        self.assert_refused(self.herd("--sizes", "1,4"), "--sizes 4 --per-node 2: mpirun started 4", "mpirun -n 8")

    def test_a_copy_for_each_server(self):
        self.assert_refused(self.herd("--sizes", "1", "--stage", f"net:{self.scratch}/copy"),
                            "--stage does not go with --per-node")


if __name__ == "__main__":
    unittest.main()
