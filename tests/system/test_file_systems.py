"""What a file system does with a checkpoint's files, each file by itself: compression, holes, several
devices, several file systems for one checkpoint."""

import json
import os
import subprocess
import time
from pathlib import Path

from block_devices import MIB, LoopTest, can_loop
from daemons import has_tools, tool
from far_machine import can_mount
from harness import (FAKE_SERVER, Probe, can_evict, has_fake_server, has_fuse, is_root, needs, run, sync,
                     write_checkpoint, write_raw_safetensors)
from object_store import ObjectStore, has_object_store


FORGETFUL_FS = os.environ.get("FORGETFUL_FS", "")


def has_forgetful_fs():
    return Probe(bool(FORGETFUL_FS), "the forgetful file system was not built")


def kernel_has(name):
    """Whether the kernel has a file system, loaded or built in."""
    known = [line.split()[-1] for line in Path("/proc/filesystems").read_text().splitlines() if line]
    return Probe(name in known, f"this kernel has no {name} (/proc/filesystems)")


def server(how="full"):
    return ["--", FAKE_SERVER, "--model", "{model}", "--port", "{port}", "--read", how]


def write_compressible(directory, zeros, rest):
    """One shard: `zeros` bytes that any compressor takes away, then `rest` random ones."""
    directory.mkdir(parents=True)
    (directory / "config.json").write_text("{}", encoding="utf-8")
    count = zeros + rest
    header = {"a": {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}}
    write_raw_safetensors(directory / "model.safetensors", header, bytes(zeros) + os.urandom(rest))
    for file in directory.iterdir():
        sync(file)
    return directory


class _FileSystems(LoopTest):
    timeout_s = 300

    def direct_loop(self, name, **kw):
        """One that reads its image past the image's own pages."""
        device = self.loop(name, "--direct-io=on", **kw)
        if self.must("losetup", "--noheadings", "--output", "DIO", device) != "1":
            self.skipTest("the file system below allows no direct I/O to a loop device")
        return device

    def served(self, path, how="full", expect=0):
        return self.measure(path, *server(how), expect=expect)


@needs(is_root(), can_mount(), can_loop(), can_evict(), has_fake_server())
class BytesOnStorage(_FileSystems):
    address = ("test_holes_are_not_missed",)

    def assert_fewer_and_verified(self, record):
        self.assertEqual((record["cold"], record["storage_bytes_source"]),
                         ("verified", "block_device"), record["reason"])
        self.assertLess(record["storage_bytes_read"], 0.9 * record["checkpoint_bytes"])

    def btrfs(self):
        point = self.mount("-o", "compress-force=zstd", self.made("btrfs", "mkfs.btrfs", "-q"))
        return write_compressible(point / "model", 8 * MIB, 8 * MIB)

    def made(self, name, *make):
        device = self.direct_loop(name, mib=256)
        self.must(*make, device)
        return device

    @needs(kernel_has("btrfs"), has_tools("mkfs.btrfs"))
    def test_what_btrfs_compresses_is_compared_with_what_is_stored(self):
        self.assert_fewer_and_verified(self.served(self.btrfs()))

    @needs(kernel_has("btrfs"), has_tools("mkfs.btrfs"))
    def test_a_half_read_compressed_file_is_no_full_one(self):
        # Half of the file are zeros, which are stored as next to nothing.
        record = self.served(self.btrfs(), "half", expect=3)
        self.assertIn(record["cold"], ("not_cold", "unknown"))
        self.assertNotEqual(record["reason"], "")

    @needs(kernel_has("squashfs"), has_tools("mksquashfs"))
    def test_where_nobody_can_tell_what_is_stored_the_reason_says_so(self):
        model = write_compressible(self.scratch / "source" / "model", 8 * MIB, 8 * MIB)
        self.must("mksquashfs", model.parent, self.scratch / "image", "-quiet", "-no-progress")
        point = self.mount("-t", "squashfs", "-o", "ro", self.direct_loop("image"))
        record = self.served(point / "model", expect=3)
        self.assertEqual(record["cold"], "unknown")
        self.assertIn("squashfs compresses: bytes read cannot be compared with the files' size",
                      record["reason"])
        self.assertNotIn("came from memory", record["reason"])

    @needs(kernel_has("erofs"), has_tools("mkfs.erofs"))
    def test_the_blocks_of_a_compressed_image_are_known(self):
        model = write_compressible(self.scratch / "source" / "model", 8 * MIB, 8 * MIB)
        self.must("mkfs.erofs", "-zlz4", self.scratch / "image", model.parent)
        point = self.mount("-t", "erofs", "-o", "ro", self.direct_loop("image"))
        self.assert_fewer_and_verified(self.served(point / "model"))

    def sparse(self):
        model = write_compressible(self.scratch / "source" / "model", 16 * MIB, MIB)
        point = self.mount(self.made("disk", "mkfs.ext4", "-q"))  # which nobody else reads from
        self.must("cp", "--sparse=always", "-r", model, point)
        for file in (point / "model").iterdir():
            sync(file)
        return point / "model"

    def test_holes_are_not_missed(self):
        model = self.sparse()
        self.assert_fewer_and_verified(self.served(model))
        record = self.measure(model)  # with O_DIRECT, where that can be: by its own account
        self.assertEqual(record["cold"], "verified", record["reason"])

    def test_bytes_alone_do_not_tell_that_holes_were_read(self):
        # Nearly all that is stored lies at the end, which is not read.
        record = self.served(self.sparse(), "half", expect=3)
        self.assertIn(record["cold"], ("not_cold", "unknown"), record["reason"])


@needs(is_root(), can_mount(), can_loop(), can_evict(), kernel_has("btrfs"),
       has_tools("mkfs.btrfs"))
class SeveralDevices(_FileSystems):
    def counted_on_both(self, profile):
        disks = [self.direct_loop(name, mib=256) for name in ("a", "b")]
        self.must("mkfs.btrfs", "-q", "-d", profile, "-m", "raid1", *disks)
        point = self.mount(disks[0])
        model = write_checkpoint(point / "model", shard_bytes=16 * MIB)
        names = [disk["name"] for disk in self.storage(model)["physical_devices"]]
        self.assertEqual(sorted(names), sorted(map(os.path.basename, disks)))
        record = self.measure(model)
        self.assertEqual((record["cold"], record["storage_bytes_source"]),
                         ("verified", "block_device"), record["reason"])

    def test_a_striped_btrfs_is_counted_on_both_devices(self):
        self.counted_on_both("raid0")

    def test_a_mirrored_btrfs_is_counted_on_both_devices(self):
        self.counted_on_both("raid1")


@needs(is_root(), can_mount(), can_evict())
class HiddenMount(_FileSystems):
    def test_a_later_mount_over_a_folder_above_hides_an_earlier_one(self):
        model = write_checkpoint(self.scratch / "other" / "inner" / "model")
        inner = self.scratch / "outer" / "inner"
        inner.mkdir(parents=True)
        self.must("mount", "-t", "tmpfs", "tmpfs", inner)
        self.must("mount", "--bind", self.scratch / "other", inner.parent)
        self.later("umount", inner)
        self.later("umount", inner.parent)
        storage = self.storage(inner / "model")
        self.assertEqual(storage["fs_type"], self.storage(model)["fs_type"])
        self.assertEqual(storage["mount_point"], str(inner.parent))


@needs(is_root(), can_mount(), can_loop(), can_evict(), has_fake_server())
class SeveralFileSystems(_FileSystems):
    """A checkpoint of three shards, each a link to where it really lies."""

    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model", shards=3, shard_bytes=8 * MIB)

    def memory(self):
        return self.mount("-t", "tmpfs", "tmpfs", name="memory")

    def disk(self):
        device = self.direct_loop("image")
        self.must("mkfs.ext4", "-q", device)
        return self.mount(device, name="disk")

    def move(self, number, folder):
        """Shard `number` (from 1) to another file system, with a link in its place."""
        shard = self.model / f"model-{number:05}-of-00003.safetensors"
        self.must("mv", shard, folder)
        sync(folder / shard.name)
        shard.symlink_to(folder / shard.name)

    def move_back(self, number):
        shard = self.model / f"model-{number:05}-of-00003.safetensors"
        target = shard.resolve()
        shard.unlink()
        self.must("mv", target, shard)
        sync(shard)

    def test_the_counters_of_all_are_added_up(self):
        self.move(2, self.disk())
        for record in (self.served(self.model), self.measure(self.model)):
            self.assertEqual((record["cold"], record["storage_bytes_source"]),
                             ("verified", "block_device"), record["reason"])
            parts = record["arms"][0]["storage"]["file_systems"]
            self.assertEqual([part["files"] for part in parts], [2, 1])

    def test_half_of_each_is_no_load_of_all(self):
        self.move(2, self.disk())
        record = self.served(self.model, "half", expect=3)
        self.assertIn(record["cold"], ("not_cold", "unknown"), record["reason"])

    def test_a_shard_in_memory_can_never_be_cold_whichever_it_is(self):
        memory = self.memory()
        for number in (1, 3):
            self.move(number, memory)
            record = self.served(self.model)
            self.assertEqual(record["cold"], "not_applicable", record["reason"])
            self.assertRegex(record["reason"],
                             r"^1 of 3 weight files, 8\.\d+ MB of 25\.\d+ MB, is memory \(tmpfs\)")
            self.move_back(number)

    def test_what_lies_beside_memory_must_be_read_for_that(self):
        self.move(1, self.memory())
        record = self.served(self.model, "half", expect=3)
        self.assertIn(record["cold"], ("not_cold", "unknown"))
        self.assertIn("1 of 3 weight files", record["reason"])


class _Fuse(_FileSystems):
    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "source", shard_bytes=8 * MIB)

    def serve(self, *flags):
        point = self.scratch / "mount"
        point.mkdir()
        daemon = subprocess.Popen([FORGETFUL_FS, self.model, point, *flags])
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        self.later("umount", "-l", point)
        deadline = time.monotonic() + 60
        while not os.path.ismount(point):
            self.assertLess(time.monotonic(), deadline, "the mount does not come up")
            time.sleep(0.01)
        return point


@needs(is_root(), can_mount(), has_fuse(), has_forgetful_fs(), has_fake_server())
class DirectIo(_Fuse):
    """A FUSE daemon's direct_io: nothing is cached, and a shared mapping fails with ENODEV."""

    address = ("test_a_trial_says_why_nothing_was_seen",)

    def setUp(self):
        super().setUp()
        self.mount_point = self.serve("--direct", "--as", "sshfs")

    def works(self, *args, expect=0):
        done = run(args, timeout=self.timeout_s)
        self.assertEqual(done.returncode, expect, done.stderr)
        self.assertNotIn("No such device", done.stderr)
        return done

    def test_a_trial_says_why_nothing_was_seen(self):
        for target in (server("direct"), []):
            record = self.measure(self.mount_point, *target, expect=3)
            self.assertEqual((record["status"], record["cold"]), ("not_cold", "unknown"))
            self.assertIn("allows no shared mapping (FUSE in direct_io mode)", record["reason"])
            self.assertIsNotNone(record["load_s"])
            self.assertIsNone(record["resident_bytes_before"])

    def test_a_server_that_cannot_map_there_is_told_why(self):
        record = self.measure(self.mount_point, *server("mmap"), expect=1)
        self.assertIn("a mount in FUSE's direct_io mode allows no shared mapping", record["reason"])

    def test_it_is_inspected_and_its_cache_is_not_seen(self):
        self.works("inspect", self.mount_point)
        shown = json.loads(self.works("cache", "show", self.mount_point, "--json").stdout)
        self.assertIsNone(shown["resident_bytes"])
        evicted = run(["cache", "evict", self.mount_point])
        self.assertIn("allows no shared mapping", evicted.stderr)

    def test_it_is_staged_from_and_run_from(self):
        self.works("stage", self.mount_point, self.scratch / "copy")
        self.assertEqual((self.scratch / "copy" / "model.safetensors").read_bytes(),
                         (self.model / "model.safetensors").read_bytes())
        self.works("run", self.mount_point, "--", "true")


@needs(is_root(), can_mount(), has_fuse(), has_forgetful_fs(), has_fake_server())
class UnknownDaemon(_Fuse):
    def test_what_it_may_keep_on_this_machine_is_not_called_cold(self):
        record = self.measure(self.serve("--as", "csi-x"), *server(), expect=3)
        self.assertEqual(record["cold"], "unknown")
        self.assertIn("fuse.csi-x is a FUSE daemon that coldload does not know", record["reason"])


@needs(is_root(), can_mount(), has_fuse(), has_tools("s3fs"), has_object_store(), can_evict())
class S3fs(_FileSystems):
    """It goes to the root when it has gone to the background: what its words are relative to is gone."""

    def mount_relative(self, *options):
        store = ObjectStore(self)
        store.put(write_checkpoint(self.scratch / "source", shard_bytes=8 * MIB), "m")
        point = self.scratch / "mount"
        point.mkdir()
        self.later("umount", point)
        words = store.s3fs_mount("m", "mount", *options)
        done = subprocess.run([tool(words[0]), *words[1:]], cwd=self.scratch,
                              env={**os.environ, "PWD": str(self.scratch)},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stderr)
        deadline = time.monotonic() + 60
        while not os.path.ismount(point):
            self.assertLess(time.monotonic(), deadline, "the mount does not come up")
            time.sleep(0.05)
        return point

    def test_its_daemon_is_found_where_the_mount_point_was_given_relative(self):
        point = self.mount_relative()
        self.assertIsNone(self.storage(point)["hidden_cache"])

    def test_its_own_cache_is_named(self):
        point = self.mount_relative(f"use_cache={self.scratch / 'cache'}")
        self.assertIn("use-cache", self.storage(point)["hidden_cache"])
