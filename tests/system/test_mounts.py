"""What stands between a path and its disk, on real mounts: bind mounts, overlays, loop devices and
the volumes that a kernel can make of them."""

import json
import os
from pathlib import Path

from block_devices import MIB, LoopTest, MountsTest, can_loop
from daemons import has_tools
from far_machine import can_mount
from harness import Probe, can_evict, evict, files_of, is_root, needs, run, warm, write_checkpoint


def has_driver(name):
    """Whether the kernel has a block driver, loaded or built in."""
    known = [line.split()[-1] for line in Path("/proc/devices").read_text().splitlines() if line]
    return Probe(name in known, f"this kernel has no {name} (/proc/devices)")


class _Mounts(MountsTest):
    timeout_s = 300


@needs(is_root(), can_mount(), can_evict())
class SeenElsewhere(_Mounts):
    address = ("test_an_overlay_is_what_its_layer_is",)

    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "lower" / "model", shard_bytes=8 * MIB)
        self.device = self.storage(self.model)["device"]

    def test_a_bind_mount_is_what_it_shows(self):
        point = self.mount("--bind", self.model)
        storage = self.storage(point)
        self.assertEqual(storage["device"], self.device)
        self.assertTrue(storage["mount_root"].endswith("/lower/model"), storage["mount_root"])
        self.assertIn("/lower/model of that file system", run(["inspect", point]).stdout)
        self.assertEqual(self.measure(point)["cold"], "verified")

    def test_root_sees_and_goes_around_the_page_cache_of_others_where_nothing_may_be_written(self):
        # What `docker run -v /models:/models:ro` makes of files that another user downloaded.
        for file in files_of(self.model):
            os.chown(file, 65533, 65533)
        point = self.mount("--bind", self.model)
        self.must("mount", "-o", "remount,bind,ro", point)
        for file in files_of(point):
            evict(file)
        done = run(["native-load", point])
        self.assertEqual(done.returncode, 0, done.stderr)
        ready = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(ready["fallbacks"], [])
        self.assertGreater(ready["routes"]["io_uring_direct"] + ready["routes"]["pread_direct"], 0)
        shown = json.loads(run(["cache", "show", point, "--json"]).stdout)
        self.assertIsNotNone(shown["resident_bytes"])

    def test_an_overlay_is_what_its_layer_is(self):
        for name in ("upper", "work"):
            (self.scratch / name).mkdir()
        options = f"lowerdir={self.scratch / 'lower'},upperdir={self.scratch / 'upper'}"
        point = self.mount("-t", "overlay", "overlay", "-o",
                           f"{options},workdir={self.scratch / 'work'}")
        storage = self.storage(point / "model")
        plain = self.storage(self.model)
        self.assertEqual((storage["fs_type"], storage["layer"]), ("overlay", plain["fs_type"]))
        self.assertEqual(storage["device"], self.device)
        self.assertEqual(storage["network"], plain["network"])
        self.assertEqual(self.measure(point / "model")["cold"], "verified")


class _Loop(LoopTest):
    timeout_s = 300


@needs(is_root(), can_mount(), can_loop(), can_evict())
class Loop(_Loop):
    def test_the_pages_of_the_file_below_are_a_cache_that_is_not_evicted(self):
        model = self.model_on(self.loop("image"))
        for file in files_of(model):
            warm(file)
        storage = self.storage(model)
        self.assertIn(str(self.scratch / "image"), storage["device_kind"])
        self.assertIn("direct-io", storage["hidden_cache"])
        record = self.measure(model, expect=3)
        self.assertEqual(record["cold"], "unknown")
        self.assertIn(str(self.scratch / "image"), record["reason"])

    def test_a_loop_device_that_reads_directly_can_be_verified(self):
        device = self.loop("image", "--direct-io=on")
        if self.must("losetup", "--noheadings", "--output", "DIO", device) != "1":
            self.skipTest("the file system below allows no direct I/O to a loop device")
        model = self.model_on(device)
        self.assertIsNone(self.storage(model)["hidden_cache"])
        self.assertEqual(self.measure(model)["cold"], "verified")


@needs(is_root(), can_mount(), can_loop(), has_driver("device-mapper"))
class DeviceMapper(_Loop):
    def name_the_loop_device(self, volume, device, kind):
        storage = self.storage(self.model_on(volume))
        self.assertIn(kind, storage["device_kind"])
        self.assertEqual([disk["name"] for disk in storage["physical_devices"]],
                         [os.path.basename(device)])

    @needs(has_tools("pvcreate", "vgcreate", "lvcreate"))
    def test_an_lvm_volume_names_what_it_lies_on(self):
        device = self.loop("image")
        group = f"coldload_test_{os.getpid()}"
        self.must("vgcreate", group, device)
        self.later("vgremove", "--force", group)
        self.must("lvcreate", "--extents", "100%FREE", "--name", "models", group)
        self.name_the_loop_device(f"/dev/{group}/models", device, "LVM volume")

    @needs(has_tools("cryptsetup"))
    def test_a_dm_crypt_volume_names_what_it_lies_on(self):
        device = self.loop("image")
        name = f"coldload-test-{os.getpid()}"
        key = self.scratch / "key"
        key.write_bytes(os.urandom(64))
        self.must("cryptsetup", "open", "--type", "plain", "--cipher", "aes-xts-plain64",
                  "--key-size", "512", "--key-file", key, device, name)
        self.later("cryptsetup", "close", name)
        self.name_the_loop_device(f"/dev/mapper/{name}", device, "dm-crypt volume")


@needs(is_root(), can_mount(), can_loop(), has_driver("md"), has_tools("mdadm"))
class Raid(_Loop):
    def test_an_md_array_names_the_disks_below(self):
        disks = [self.loop(name) for name in ("a", "b")]
        array = f"/dev/md/coldload-test-{os.getpid()}"
        self.must("mdadm", "--create", array, "--run", "--level=0", "--raid-devices=2", *disks)
        self.later("mdadm", "--stop", array)
        storage = self.storage(self.model_on(array))
        self.assertEqual(storage["device_kind"], "md raid0")
        self.assertEqual([disk["name"] for disk in storage["physical_devices"]],
                         sorted(map(os.path.basename, disks)))
