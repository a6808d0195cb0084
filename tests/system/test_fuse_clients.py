"""Every command on a model behind the FUSE clients through which people see an object store, or the
disk of another machine."""

import json
import re

from block_devices import MIB, MountsTest
from daemons import answers, has_tools, wait_until
from far_machine import can_mount
from harness import (FAKE_SERVER, can_evict, files_of, has_fake_server, has_fuse, is_root, needs, run,
                     start, stop, write_checkpoint)
from object_store import ObjectStore, has_object_store, rclone_environment
from sftp_server import PORT, SftpServer

SHARD_BYTES = 8 * MIB

# A server that imports until `go` is there, and then reads the weights, into a file.
SERVER = 'until [ -e "$1" ]; do sleep 0.05; done; cat "$0"/*.safetensors >"$2"'


class _Client(MountsTest):
    """A model of two shards, shown by a client at self.point."""

    timeout_s = 300
    fs_type, remote = "", ""
    # Whether pages of a file stay in memory when it is opened again.
    keeps_pages = False

    def setUp(self):
        if type(self).__name__.startswith("_"):
            self.skipTest("only a base")
        super().setUp()
        self.model = write_checkpoint(self.scratch / "source", shards=2, shard_bytes=SHARD_BYTES)
        self.point = self.scratch / "mount"
        self.point.mkdir()
        self.show()

    def show(self):
        """Mounts the model at self.point."""

    def test_every_command_does_there_what_it_says(self):
        for command in (self.inspect, self.measure_a_server, self.measure_the_loader, self.stage,
                        self.run_a_server, self.floor):
            with self.subTest(command.__name__):
                command()

    def works(self, *args):
        done = run(args, timeout=self.timeout_s)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def inspect(self):
        storage = self.storage(self.point)
        self.assertEqual((storage["fs_type"], storage["network"]), (self.fs_type, True))
        self.assertIsNone(storage["hidden_cache"])
        self.assertIn(f"unseen       {self.remote} may hold the files in memory",
                      self.works("inspect", self.point).stdout)

    def measure_a_server(self):
        record = self.measure(self.point, "--", FAKE_SERVER, "--model", "{model}", "--port", "{port}",
                              "--read", "full")
        self.assertEqual((record["cold"], record["storage_bytes_source"]),
                         ("verified", "residency"), record["reason"])

    def measure_the_loader(self):
        record = self.measure(self.point)
        self.assertEqual((record["cold"], record["storage_bytes_source"]),
                         ("verified", "direct_io"), record["reason"])

    def stage(self):
        self.works("stage", self.point, self.scratch / "copy")
        for file in files_of(self.model):
            copied = self.scratch / "copy" / file.name
            self.assertTrue(copied.read_bytes() == file.read_bytes(), f"{file.name} differs")
        self.works("stage", "--verify", self.scratch / "copy")

    def run_a_server(self):
        self.works("cache", "evict", self.point)
        said, go, got = (self.scratch / name for name in ("said", "go", "got"))
        with open(said, "wb") as err:
            process = start(["run", self.point, "--", "sh", "-c", SERVER, "{model}", go, got],
                            stderr=err)
        self.addCleanup(stop, process)
        # What the kernel's readahead brings in beside a read is not read again.
        expected = (r"1[4-6]\.\d MB were read beside it" if self.keeps_pages else
                    f"only starts the server.*: {re.escape(self.fs_type)} drops a file's pages")
        wait_until(lambda: re.search(expected, said.read_text(encoding="utf-8")), process, said)
        go.touch()
        self.assertEqual(process.wait(timeout=60), 0, said.read_text(encoding="utf-8"))
        weights = b"".join(file.read_bytes() for file in sorted(self.model.glob("*.safetensors")))
        self.assertTrue(got.read_bytes() == weights, "the server read something else")

    def floor(self):
        told = json.loads(self.works("floor", self.point, "--json", "--time", 1).stdout)
        self.assertEqual(told["file_system"]["fs_type"], self.fs_type)
        sizes = (file.stat().st_size for file in self.model.glob("*.safetensors"))
        self.assertEqual(told["checkpoint_bytes"], sum(sizes))
        levels = [*told["floor"]["storage"]["levels"], told["floor"]["storage"]["sequential"]]
        for level in levels:  # a rate, or why there is none
            self.assertEqual(level["bytes_per_s"] is None, level["reason"] is not None, level)


class _OfAnObjectStore(_Client):
    def show(self):
        self.store = ObjectStore(self)
        self.store.put(self.model, "m")
        self.mount_it()

    def mount_it(self):
        """Mounts what self.store has below m/."""


@needs(is_root(), can_mount(), has_fuse(), has_tools("rclone"), has_object_store(), can_evict(),
       has_fake_server())
class Rclone(_OfAnObjectStore):
    fs_type, remote = "fuse.rclone", "rclone's remote"

    def mount_it(self):
        self.mount_here(self.point, *self.store.rclone_mount("m", self.point),
                        env=rclone_environment())


@needs(is_root(), can_mount(), has_fuse(), has_tools("s3fs"), has_object_store(), can_evict(),
       has_fake_server())
class S3fs(_OfAnObjectStore):
    fs_type, remote = "fuse.s3fs", "the object store"
    options = ()

    def mount_it(self):
        self.mount_here(self.point, *self.store.s3fs_mount("m", self.point, *self.options,
                                                           where=("-f",)))


class S3fsThatKeepsPages(S3fs):
    options = ("kernel_cache",)
    keeps_pages = True


@needs(is_root(), can_mount(), has_fuse(), has_tools(*SftpServer.needs), can_evict(),
       has_fake_server())
class Sshfs(_Client):
    fs_type, remote = "fuse.sshfs", "the SFTP server"

    def show(self):
        server = SftpServer(self.scratch / "ssh", "127.0.0.1")
        sshd = self.start_here("sshd", *server.command_apart())
        wait_until(lambda: answers("127.0.0.1", PORT), sshd, self.log_of("sshd"))
        self.mount_here(self.point, *server.sshfs_mount(self.model, self.point))
