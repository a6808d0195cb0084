"""Cold on real network mounts: FUSE clients of a file server behind a link of known rate."""

from daemons import has_tools
from far_machine import FAR, FarMachineTest, can_link
from harness import (FAKE_SERVER, MARKDOWN_NAME, ScratchTest, can_evict, files_of, has_fake_server,
                     has_fuse, is_root, needs, read_records, run, warm, write_checkpoint)
from sftp_server import PORT, SftpServer

SHARD_BYTES = 6 << 20


class _Network(FarMachineTest, ScratchTest):
    timeout_s = 300

    def setUp(self):
        super().setUp()
        self.export = self.scratch / "export"
        self.served = write_checkpoint(self.export / "model", shards=2, shard_bytes=SHARD_BYTES)
        self.local = write_checkpoint(self.scratch / "local", shards=2, shard_bytes=SHARD_BYTES)
        self.mount = self.scratch / "net"
        self.mount.mkdir()
        self.out = self.scratch / "out"

    def compare(self, expect=0):
        """Runs the comparison; the records of the cold trials on the network mount."""
        result = run(["compare", "--path", f"nvme={self.local}", "--path",
                      f"net={self.mount / 'model'}", "--runs", 2, "--warm-runs", 0, "--no-floor",
                      "--out", self.out], timeout=self.timeout_s)
        self.assertEqual(result.returncode, expect, result.stderr)
        return [each for each in read_records(self.out) if each["arm"] == "net"]

    def assert_verified(self):
        """Every trial over the link was cold, proven, and no faster than the link. The records."""
        records = self.compare()
        self.assertEqual([each["cold"] for each in records], ["verified"] * 2,
                         [each["reason"] for each in records])
        for record in records:
            self.assertEqual(record["resident_bytes_before"], 0)
            rate = record["checkpoint_bytes"] / record["load_s"]
            # The link saves up some packets while it is idle: a wide margin.
            self.assertLess(rate, 1.5 * self.rate_bytes_per_s)
        return records

    def storage_of(self, record):
        """What the record says of the network arm's path."""
        return next(arm["storage"] for arm in record["arms"] if arm["label"] == "net")


@needs(is_root(), has_fuse(), can_link(), has_tools(*SftpServer.needs),
       can_evict())
class Sshfs(_Network):
    """An export over SFTP: an sshd of the test's own, with its own keys."""

    def setUp(self):
        super().setUp()
        server = SftpServer(self.scratch / "ssh", FAR)
        sshd = self.start_there("sshd", *server.command)
        self.wait_for_port(PORT, sshd, "sshd")
        self.mount_here(self.mount, *server.sshfs_mount(self.export, self.mount))

    def test_a_load_over_the_link_is_verified_cold_though_the_server_is_warm(self):
        for file in files_of(self.served):
            warm(file)
        for record in self.assert_verified():
            # No counter tells what an SFTP server sent: the loader's own direct reads do.
            self.assertEqual(record["storage_bytes_source"], "direct_io")
            storage = self.storage_of(record)
            self.assertEqual((storage["fs_type"], storage["network"]), ("fuse.sshfs", True))
            self.assertIsNone(storage["hidden_cache"])
        # The server's memory held every file: no client can tell, and the report says so.
        report = (self.out / MARKDOWN_NAME).read_text(encoding="utf-8")
        self.assertIn("`net`: the SFTP server may hold the files in memory", report)
        self.assertIn("unseen       the SFTP server", run(["inspect", self.mount / "model"]).stdout)

    @needs(has_fake_server())
    def test_a_load_through_the_page_cache_is_verified_by_what_is_in_it_afterwards(self):
        # Whoever reads through the page cache leaves the checkpoint in it.
        result = run(["measure", self.mount / "model", "--runs", 1, "--warm-runs", 0, "--no-floor",
                      "--out", self.out, "--", FAKE_SERVER, "--model", "{model}", "--port",
                      "{port}", "--read", "full"], timeout=self.timeout_s)
        self.assertEqual(result.returncode, 0, result.stderr)
        (record,) = read_records(self.out)
        self.assertEqual((record["cold"], record["storage_bytes_source"]),
                         ("verified", "residency"), record["reason"])


@needs(is_root(), has_fuse(), can_link(), has_tools("rclone"), can_evict())
class Rclone(_Network):
    """An export over WebDAV, from rclone to rclone."""

    def setUp(self):
        super().setUp()
        self.config = self.scratch / "rclone.conf"
        self.config.write_text(f"[far]\ntype = webdav\nurl = http://{FAR}:8080\nvendor = other\n",
                               encoding="utf-8")
        server = self.start_there("server", "rclone", "serve", "webdav", "--read-only", "--config",
                                  self.config, "--addr", f"{FAR}:8080", self.export)
        self.wait_for_port(8080, server, "server")

    def mount_with(self, *options):
        self.mount_here(self.mount, "rclone", "mount", "--read-only", "--config", self.config,
                        "--cache-dir", self.scratch / "cache", *options, "far:", self.mount)

    def test_without_its_vfs_cache_a_load_is_verified_cold(self):
        self.mount_with()
        for record in self.assert_verified():
            storage = self.storage_of(record)
            self.assertEqual((storage["fs_type"], storage["network"]), ("fuse.rclone", True))
            self.assertIsNone(storage["hidden_cache"])

    def test_what_its_vfs_cache_serves_is_not_called_cold(self):
        self.mount_with("--vfs-cache-mode", "full")
        for file in files_of(self.mount / "model"):
            warm(file)
        records = self.compare(expect=3)
        self.assertEqual([each["cold"] for each in records], ["unknown"] * 2)
        for record in records:
            self.assertIn("rclone's VFS cache keeps files on this machine", record["reason"])
