"""`coldload stage` and `run --stage` by root, where another user may write, too; and where there is
little memory."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

from harness import (COLDLOAD, ScratchTest, environment, free_port, has_fuse, is_root, needs, run, stop,
                     write_checkpoint)

NOBODY = 65534
AS_NOBODY = {"user": NOBODY, "group": NOBODY, "extra_groups": []}

# A server that tells what it was given, and ends.
TELLS = "import sys; print('served', sys.argv[1])"


@needs(is_root())
class SharedDirectory(ScratchTest):
    """A directory like /tmp."""

    def setUp(self):
        super().setUp()
        os.chmod(self.scratch, 0o755)
        self.source = write_checkpoint(self.scratch / "source")
        self.shared = self.scratch / "shared"
        self.shared.mkdir()
        os.chmod(self.shared, 0o1777)
        self.destination = self.shared / "model"
        self.precious = self.scratch / "precious"
        self.precious.write_text("root's own")
        self.precious.chmod(0o600)

    def begin_as_nobody(self, code, directory=None):
        """Python that another user runs in the shared directory; the process's id."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.chdir(directory or self.shared)
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                exec(code, {"os": os, "json": json})
                status = 0
            finally:
                os._exit(status)
        return pid

    def plant(self, code):
        self.assertEqual(os.waitpid(self.begin_as_nobody(code), 0)[1], 0)

    def stage(self, *flags, expect=0, source=None, **kw):
        result = run(["stage", source or self.source, self.destination, *flags], **kw)
        self.assertEqual(result.returncode, expect, result.stdout + result.stderr)
        return result

    def test_a_planted_part_is_refused_and_its_links_lead_nowhere(self):
        for links in ({"journal": self.precious}, {"manifest": self.precious},
                      {"data": self.shared}):
            self.plant("os.umask(0)\nos.mkdir('.model.coldload-part')\n" + "".join(
                f"os.symlink({str(target)!r}, '.model.coldload-part/{name}')\n"
                for name, target in links.items()))
            said = self.stage(expect=1).stderr
            self.assertIn("belongs to uid 65534", said)
            self.assertIn("rm -r", said)
            self.assertEqual(self.precious.read_text(), "root's own")
            self.assertEqual([p.name for p in self.shared.iterdir()], [".model.coldload-part"])
            shutil.rmtree(self.shared / ".model.coldload-part")
        self.stage()

    def test_another_users_copy_is_not_served_and_no_planted_manifest_removes_anything(self):
        self.stage(**AS_NOBODY)
        self.assertIn("it was staged by another user", self.stage(expect=1).stderr)
        result = run(["run", "--stage", self.destination, "--port", free_port(), self.source, "--",
                      sys.executable, "-c", TELLS, "{model}"])
        self.assertIn(f"served {self.source}\n", result.stdout, result.stderr)
        # A manifest that names all that is in root's directory, which no coldload made.
        victim = self.shared / "victim"
        shutil.copytree(self.destination, victim)
        self.plant(f"""
with open('model.coldload.json') as file:
    manifest = json.load(file)
manifest['inode'] = {victim.stat().st_ino}
for entry in manifest['files']:
    entry['staged_mtime_ns'] = os.stat('victim/' + entry['name']).st_mtime_ns
with open('victim.coldload.json', 'w') as file:
    json.dump(manifest, file)
""")
        answer = json.loads(self.stage("--replace", "--keep", "1", "--json").stdout)
        self.assertEqual(answer["removed"], [])
        self.assertTrue((victim / "config.json").exists())
        self.assertEqual((self.destination / "config.json").stat().st_uid, 0)

    def test_a_link_that_comes_and_goes_in_the_source_brings_no_file_of_roots(self):
        source = self.shared / "theirs"
        self.plant("os.mkdir('theirs')\nwith open('theirs/a.bin', 'w') as file:\n"
                   "    file.write('theirs')")
        swaps = self.begin_as_nobody(f"""
os.symlink({str(self.precious)!r}, 'link')
os.link('a.bin', 'b.bin')
while True:
    os.rename('link', 'a.bin')
    os.symlink({str(self.precious)!r}, 'link')
    os.link('b.bin', 'c.bin')
    os.rename('c.bin', 'a.bin')
""", source)
        try:
            # Most are refused, as what was listed has changed.
            for _ in range(40):
                result = run(["stage", source, self.destination, "--exclude", "[!a]*", "--replace"])
                if result.returncode == 0:
                    self.assertEqual((self.destination / "a.bin").read_text(), "theirs")
                ended = os.waitid(os.P_PID, swaps, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                self.assertIsNone(ended, "nobody swaps any more")
            # Where nothing changes, the same is copied.
            os.kill(swaps, signal.SIGSTOP)
            os.waitid(os.P_PID, swaps, os.WSTOPPED | os.WNOWAIT)
            (source / "a.bin").unlink(missing_ok=True)
            os.link(source / "b.bin", source / "a.bin")
            result = run(["stage", source, self.destination, "--exclude", "[!a]*", "--replace"])
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual((self.destination / "a.bin").read_text(), "theirs")
        finally:
            os.kill(swaps, signal.SIGKILL)
            os.waitpid(swaps, 0)


def memory_cgroup(limit_bytes):
    """A new memory cgroup with that limit, v1 or v2; None where none can be had."""
    for root, limit in ((Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
                        (Path("/sys/fs/cgroup"), "memory.max")):
        group = root / f"coldload-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(limit_bytes))
            return group
        except OSError:
            group.rmdir()
    return None


def remove_cgroup(group):
    """Busy until what ran there is gone for good."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return group.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@needs(has_fuse(), is_root())
class LittleMemory(ScratchTest):
    def test_it_takes_no_more_than_its_cgroup_has(self):
        # Many requests at once are worth it there. Threads with a block of 4 MiB each would take 65 MB
        # and more; a quarter of the limit leaves room for what a slow disk has not written yet.
        source = self.scratch / "source"
        source.mkdir()
        for number in range(64):
            with open(source / f"{number}.bin", "wb") as file:
                file.truncate(5 << 20)
        mount = self.scratch / "mount"
        shaped = run(["shape", source, mount, "--rate", "400MB/s", "--latency", "5ms",
                      "--no-measure", "--daemon"])
        self.assertEqual(shaped.returncode, 0, shaped.stderr)
        self.addCleanup(lambda: subprocess.run(["umount", "-l", mount], check=False))
        group = memory_cgroup(48 << 20)
        if group is None:
            self.skipTest("no memory cgroup can be made here")
        self.addCleanup(remove_cgroup, group)
        command = [COLDLOAD, "stage", mount, self.scratch / "copy", "--jobs", "64"]
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"echo $$ > {group}/cgroup.procs && exec \"$@\"", "sh",
             *map(str, command)], env=environment(), text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.addCleanup(stop, process)
        out, err = process.communicate(timeout=100)
        self.assertEqual(process.returncode, 0, out + err)


if __name__ == "__main__":
    unittest.main()
