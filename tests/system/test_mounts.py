"""What stands between a path and its disk, on real mounts: bind mounts, overlays, loop devices and
the volumes that a kernel can make of them."""

import functools
import json
import os
import subprocess
import tempfile
from pathlib import Path

from far_machine import can_mount, go_apart, has_tools, tool
from harness import (Probe, ScratchTest, can_evict, evict, files_of, is_root, needs, read_records, run,
                     warm, write_checkpoint)

MIB = 1 << 20


def has_driver(name):
    """Whether the kernel has a block driver, loaded or built in."""
    known = [line.split()[-1] for line in Path("/proc/devices").read_text().splitlines() if line]
    return Probe(name in known, f"this kernel has no {name} (/proc/devices)")


@functools.lru_cache(maxsize=None)
def can_loop():
    """Whether a file can be made a block device here: tried."""
    if os.geteuid() != 0:
        return is_root()
    tools = has_tools("losetup", "mkfs.ext4", "mount")
    if not tools:
        return tools
    with tempfile.NamedTemporaryFile() as image:
        image.truncate(MIB)
        done = subprocess.run([tool("losetup"), "--find", "--show", image.name],
                              capture_output=True, text=True)
        if done.returncode != 0:
            return Probe(False, f"no loop device: {done.stderr.strip()}")
        subprocess.run([tool("losetup"), "--detach", done.stdout.strip()], check=True)
    return Probe(True)


class _Mounts(ScratchTest):
    timeout_s = 300

    def setUp(self):
        super().setUp()
        go_apart(self)

    def must(self, *args):
        done = subprocess.run([tool(args[0]), *map(str, args[1:])], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, f"{args}: {done.stderr}")
        return done.stdout.strip()

    def later(self, *args):
        """Undoes something when the test ends; a test may have done it already."""
        self.addCleanup(subprocess.run, [tool(args[0]), *map(str, args[1:])], capture_output=True)

    def mount(self, *args):
        point = self.scratch / "mount"
        point.mkdir()
        self.must("mount", *args, point)
        self.later("umount", point)
        return point

    def storage(self, path):
        done = run(["inspect", path, "--json"])
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["storage"]

    def measure(self, path, *flags, expect=0):
        out = self.scratch / "out"
        done = run(["measure", path, "--runs", 1, "--warm-runs", 0, "--no-floor", "--out", out,
                    *flags], timeout=self.timeout_s)
        self.assertEqual(done.returncode, expect, done.stderr)
        return read_records(out)[-1]


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


class _Loop(_Mounts):
    def loop(self, name, *flags):
        """A new loop device over a file of our own; its path."""
        image = self.scratch / name
        with open(image, "wb") as file:
            file.truncate(96 * MIB)
        device = self.must("losetup", "--find", "--show", *flags, image)
        self.addCleanup(self.let_go, device, image)
        return device

    def let_go(self, device, image):
        """Detaches `device` if it is still over `image`: another test may have its number now."""
        if device in self.must("losetup", "-n", "-O", "NAME", "-j", image).splitlines():
            self.must("losetup", "--detach", device)

    def model_on(self, device):
        """A checkpoint on a new file system on `device`; where it is mounted."""
        self.must("mkfs.ext4", "-q", device)
        point = self.mount(device)
        if device.startswith("/dev/loop"):
            self.must("losetup", "--detach", device)  # it goes with its last mount
        return write_checkpoint(point / "model", shard_bytes=8 * MIB)


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
