"""What a run writes, makes, mounts and binds is what its plan names, and nothing else: seen by strace."""

import os
import re
import subprocess

from harness import (
    COLDLOAD,
    FAKE_SERVER,
    Probe,
    ScratchTest,
    can_evict,
    environment,
    has_fake_server,
    has_fuse,
    is_root,
    needs,
    plain_build,
    run,
    write_checkpoint,
)

CALLS = ("open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,symlink,"
         "symlinkat,link,linkat,truncate,mount,umount2,chmod,fchmodat,chown,fchownat,mknod,mknodat,setxattr,"
         "execve,bind")
STRACE = ["strace", "-f", "--seccomp-bpf", "-y", "-qq", "-s", "4096", "-e", f"trace={CALLS}", "-o"]
LINE = re.compile(r"(?P<pid>\d+) +(?P<call>\w+)\((?P<words>.*?)(?:\) += (?P<result>-?\d+)| <unfinished)")
# A path, or a name and the directory that it is in: 7</some/where>, "name".
PATH = re.compile(r'(?:[-\w]+<(?P<directory>[^>]*)>, )?"(?P<name>[^"]*)"')


def paths_written(trace, others):
    """(call, path) of each call that changes something, of all processes but those of `others`."""
    programs, found = {}, set()
    for line in trace.splitlines():
        match = LINE.match(line)
        if not match or (match["result"] or "0").startswith("-"):
            continue
        call, words = match["call"], match["words"]
        names = [os.path.normpath(os.path.join(directory or "/", name))
                 for directory, name in PATH.findall(words)]
        if call == "execve":
            programs[match["pid"]] = names[0]
        elif programs.get(match["pid"]) in others or call == "bind":
            continue
        elif call not in ("open", "openat", "openat2") or re.search("O_WRONLY|O_RDWR|O_CREAT", words):
            if call == "mount":
                names = names[1:2]
            found.update((call, name) for name in names)
    return found


def can_trace():
    """strace is there, and this sandbox lets it."""
    try:
        traced = subprocess.run([*STRACE, "/dev/null", "true"], capture_output=True, check=False, timeout=60)
    except FileNotFoundError:
        return Probe(False, "needs strace")
    return Probe(traced.returncode == 0, "strace may not trace here")


@needs(is_root(), has_fuse(), can_evict(), has_fake_server(), plain_build(), can_trace())
class Footprint(ScratchTest):
    def test_is_what_the_plan_names(self):
        arms = []
        for label in ("nvme", "net"):
            model = write_checkpoint(self.scratch / "models" / label, shard_bytes=1 << 20)
            arms += ["--path", f"{label}={model}"]
        runtime, out, trace = (self.scratch / name for name in ("runtime", "out", "trace"))
        runtime.mkdir()
        words = ["compare", *arms, "--stand-in", "net=1GB/s", "--prefetch", "net", "--out", out, "--runs", "1",
                 "--warm-runs", "0", "-w", "0", "--no-floor", "--ignore-failure",
                 "--", FAKE_SERVER, "--model", "{model}", "--port", "{port}", "--read=full"]
        env = {"XDG_RUNTIME_DIR": runtime}
        plan = run([words[0], "--dry-run", *words[1:]], env=env).stdout
        for named in (f"write    {out}/storage_layout_bench.csv", f"write    {out}/.runtime-caches-*",
                      "mount    net: its stand-in", "start    `coldload guard`", "in a cgroup of its own",
                      "start    `coldload run` and `coldload read-ahead`", "port     a free one"):
            self.assertIn(named, plan)
        self.assertEqual(list(runtime.iterdir()), [])
        result = subprocess.run([*STRACE, trace, COLDLOAD, *map(str, words)], env=environment(env), check=False,
                                timeout=120, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        mark = r"\.coldload-made-this"  # in each directory that the next coldload may have to clear up
        allowed = re.compile("|".join((
            rf"{out}(/\.?storage_layout_bench[^/]*|/\.runtime-caches-\w+(/{mark})?|/logs(/.*)?)?$",
            rf"{runtime}/coldload-stand-in-\w+(/net|/{mark})?$",
            r"/sys/fs/cgroup/.*/coldload-\d+-\d+$",
            r"/sys/class/bdi/[\d:]+/read_ahead_kb$",  # of the stand-in's own mount
            r"/dev/(null|fuse|tty)$",
        )))
        written = paths_written(trace.read_text(encoding="utf-8", errors="replace"), {str(FAKE_SERVER)})
        self.assertIn(("mkdir", str(out)), written)
        self.assertEqual([], sorted(item for item in written if not allowed.match(item[1])))
        self.assertEqual(list(runtime.iterdir()), [])
