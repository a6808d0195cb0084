"""What a test left behind: processes, mounts, loop devices, files for a moment, descriptors.

Tests run beside each other, so only what is marked as one test's is looked at: a variable that all of
its processes inherit, folders for temporary files and for a user's running programs that no other
test has, and its scratch folders. A port is not looked for: it is open as long as a process has it.
"""

import gc
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

MARK = "COLDLOAD_TEST"
# A process that was told to end, a mount whose server is gone: these go by themselves. Some are given
# 3 s to end in, and a busy machine takes its time.
PATIENCE_S = 30


def _mount_points():
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        yield line.split()[1].replace("\\040", " ")


def _loop_devices():
    """(device, file behind it) of every loop device that has one."""
    for path in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            yield f"/dev/{path.parts[3]}", path.read_text(encoding="utf-8").strip()
        except OSError:
            continue


def _descriptors():
    """Number -> what it is, of this process, as a multiset: {what: how many}."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            what = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue  # the listing's own
        kind = what.split(":", 1)[0] if what.startswith(("socket:", "pipe:")) else what
        found[kind] = found.get(kind, 0) + 1
    return found


class Watch:
    """From before the tests' modules are loaded to after their cleanups. What it hands to the
    environment is inherited by all that the test starts."""

    def __init__(self):
        self.mark = f"{MARK}={uuid.uuid4()}"
        self.folder = Path(tempfile.mkdtemp(prefix="coldload-test-", dir="/tmp"))
        self.folder.chmod(0o755)  # a test may run coldload as nobody
        for variable in ("TMPDIR", "XDG_RUNTIME_DIR"):
            directory = self.folder / variable.lower()
            directory.mkdir()
            directory.chmod(0o1777)
            os.environ[variable] = str(directory)
        tempfile.tempdir = None  # asked for anew
        name, value = self.mark.split("=", 1)
        os.environ[name] = value
        self._descriptors = None

    def modules_are_loaded(self):
        """What they keep open is theirs for good."""
        self._descriptors = _descriptors()

    def processes(self):
        """(pid, command line) of those that carry the mark, zombies and this one not."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                if self.mark.encode() in Path("/proc", entry, "environ").read_bytes().split(b"\0"):
                    words = Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ")
                    found.append((int(entry), words.decode(errors="replace").strip()))
            except OSError:
                continue
        return found

    def _left(self, scratch_folders):
        """What is still there at this moment, in words."""
        folders = [str(self.folder), *map(str, scratch_folders)]
        inside = [folder + "/" for folder in folders]
        for pid, command in self.processes():
            yield f"process {pid}: {command}"
        for point in _mount_points():
            if point in folders or point.startswith(tuple(inside)):
                yield f"mount {point}"
        for device, file in _loop_devices():
            if file.startswith(tuple(inside)):
                yield f"loop device {device}, of {file}"

    def problems(self, harness):
        """A line each; waits for what goes by itself. `harness`: the module of that name, once it is
        loaded, which knows the test's scratch folders and what was mounted there at the end."""
        scratch_folders = getattr(harness, "scratch_folders", [])
        deadline = time.monotonic() + PATIENCE_S
        while (left := list(self._left(scratch_folders))) and time.monotonic() < deadline:
            time.sleep(0.05)
        left += [f"mount {point}" for point in getattr(harness, "mounts_left", [])]
        left += [f"folder {path}" for path in scratch_folders if os.path.lexists(path)]
        left += [f"file {path}" for path in sorted(self.folder.glob("*/*"))]
        left += self._open_descriptors(len(getattr(harness, "_port_claims", [])))
        return left

    def _open_descriptors(self, port_claims):
        """Of this process: a socket that listens here is the test's, too."""
        if self._descriptors is None:
            return []
        gc.collect()
        before = dict(self._descriptors)
        before["socket"] = before.get("socket", 0) + port_claims
        return [f"{count - before.get(what, 0)} open: {what}"
                for what, count in sorted(_descriptors().items()) if count > before.get(what, 0)]

    def clean(self):
        """Ends and removes what was left, so that no other test meets it."""
        for pid, _ in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        # What is mounted there is somebody's: never removed through its mount.
        for point in sorted(self._mounts(), reverse=True):
            command = ["umount", "-l", point] if os.geteuid() == 0 else ["fusermount3", "-uz", point]
            subprocess.run(command, check=False, capture_output=True)
        if not self._mounts():
            shutil.rmtree(self.folder, ignore_errors=True)

    def _mounts(self):
        return [point for point in _mount_points() if point.startswith(f"{self.folder}/")]
