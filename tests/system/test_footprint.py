"""What a run writes, makes, mounts and binds is what its plan names, and nothing else: seen by strace."""

import os
import re
import subprocess
import unittest

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
         "execve,bind,clone,clone3,fork,vfork")
STRACE = ["strace", "-f", "--seccomp-bpf", "-y", "-qq", "-s", "4096", "-e", f"trace={CALLS}", "-o"]
CLONES = ("clone", "clone3", "fork", "vfork")
# A call, begun or whole; the rest of one that another thread's came between; what it gave.
BEGUN = re.compile(r"(?P<pid>\d+) +(?P<call>\w+)\((?P<words>.*)$")
RESUMED = re.compile(r"(?P<pid>\d+) +<\.\.\. (?P<call>\w+) resumed>(?P<words>.*)$")
UNFINISHED = re.compile(r" *<unfinished \.\.\.>$")
RESULT = re.compile(r"\) += (?P<result>-?\d+)")
# A path, or a name and the directory that it is in: 7</some/where>, "name".
PATH = re.compile(r'(?:[-\w]+<(?P<directory>[^>]*)>, )?"(?P<name>[^"]*)"')


def calls_of(trace):
    """(pid, call, words, result, line where it begins, where it ends) of each; of one that never came
    back, as its process was killed in it, the result is None: it may have been done."""
    begun = {}
    lines = trace.splitlines()
    for at, line in enumerate(lines):
        resumed = RESUMED.match(line)
        match = resumed or BEGUN.match(line)
        if not match:
            continue
        pid, call, words = match["pid"], match["call"], match["words"]
        start, before = begun.pop((pid, call), (at, "")) if resumed else (at, "")
        words = before + words
        if UNFINISHED.search(words):
            begun[pid, call] = (start, UNFINISHED.sub("", words))
            continue
        result = RESULT.search(words)
        yield pid, call, words, int(result["result"]) if result else None, start, at
    for (pid, call), (start, words) in begun.items():
        yield pid, call, words, None, start, len(lines)


def names_of(words):
    return [os.path.normpath(os.path.join(directory or "/", name)) for directory, name in PATH.findall(words)]


class Programs:
    """Which program a thread runs: what it began last, or else what whoever made it ran at that time. A
    new thread's calls may stand before the one that made it has returned."""

    def __init__(self, calls):
        self.begun, self.made_by = {}, {}
        for pid, call, words, result, start, end in calls:
            if call == "execve" and result == 0:
                self.begun.setdefault(pid, []).append((end, names_of(words)[0]))
            elif call in CLONES and result is not None and result > 0:
                self.made_by[str(result)] = (pid, start)

    def of(self, pid, at):
        """At that line of the trace; None: not seen."""
        own = [program for end, program in self.begun.get(pid, []) if end < at]
        if own or pid not in self.made_by:
            return own[-1] if own else None
        maker, made_at = self.made_by[pid]
        return self.of(maker, made_at) if made_at < at else None


def paths_written(trace, others):
    """(call, path) of each call that changes something, of all processes but those of `others`."""
    calls = list(calls_of(trace))
    programs, found = Programs(calls), set()
    for pid, call, words, result, start, _ in calls:
        failed = result is not None and result < 0
        if failed or call in ("execve", "bind", *CLONES) or programs.of(pid, start) in others:
            continue
        if call not in ("open", "openat", "openat2") or re.search("O_WRONLY|O_RDWR|O_CREAT", words):
            names = names_of(words)
            found.update((call, name) for name in (names[1:2] if call == "mount" else names))
    return found


class Trace(unittest.TestCase):
    """What is read from strace's lines."""

    def test_a_call_that_another_came_between_counts_by_its_result(self):
        self.assertEqual(paths_written("""\
7 openat(AT_FDCWD</x>, "/a", O_RDWR <unfinished ...>
8 mkdir("/b", 0700 <unfinished ...>
7 <... openat resumed>) = -1 ENOENT (No such file or directory)
9 openat(AT_FDCWD</x>, "/c", O_RDONLY <unfinished ...>
8 <... mkdir resumed>)              = 0
9 <... openat resumed>) = 3</c>
7 unlinkat(5</d>, "e", 0 <unfinished ...>
""", set()), {("mkdir", "/b"), ("unlinkat", "/d/e")})

    def test_threads_and_children_of_another_program_are_its_own(self):
        self.assertEqual(paths_written("""\
1 execve("/bin/coldload", ["coldload"], 0x1 /* 3 vars */) = 0
1 vfork( <unfinished ...>
2 mkdir("/ours", 0700) = 0
2 execve("/no/server", ["server"], 0x1 /* 3 vars */) = -1 ENOENT (No such file or directory)
2 mkdir("/ours-too", 0700) = 0
2 execve("/bin/server", ["server"], 0x1 /* 3 vars */ <unfinished ...>
1 <... vfork resumed>) = 2
2 <... execve resumed>) = 0
2 clone3({flags=CLONE_VM|CLONE_THREAD, stack=0x7} => {parent_tid=[3]}, 88) = 3
3 mkdir("/theirs", 0700) = 0
3 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>
4 mkdir("/theirs-too", 0700) = 0
3 <... clone resumed>) = 4
1 mkdir("/ours-at-last", 0700) = 0
""", {"/bin/server"}), {("mkdir", "/ours"), ("mkdir", "/ours-too"), ("mkdir", "/ours-at-last")})


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
            r"/dev/nvidia(ctl|\d+|-[a-z-]+|-caps/nvidia-cap\d+)$",  # NVML opens them so, to ask
        )))
        written = paths_written(trace.read_text(encoding="utf-8", errors="replace"), {str(FAKE_SERVER)})
        self.assertIn(("mkdir", str(out)), written)
        self.assertEqual([], sorted(item for item in written if not allowed.match(item[1])))
        self.assertEqual(list(runtime.iterdir()), [])
