"""Text that others choose (names of files and processes, link targets, indices, command lines)
steers no terminal, whichever command shows it."""

import json
import os
import pty
import re
import subprocess
import sys
import unittest

from harness import COLDLOAD, JSONL_NAME, ScratchTest, environment, write_safetensors

# ESC with the title and clear sequences, carriage return, line feed with a forged line, DEL, C1's
# CSI as a character and as a byte, overrides, isolates, zero-width, line separator, tag, no UTF-8.
TEXT = ("\x1b]0;x\x07\x1b[2J\r\ncoldload: all is well\x7f\u009b31m\u202e\u2066\u200b\ufeff\u2028"
        "\U000e0041")
UTF8 = TEXT.encode()
HOSTILE = UTF8 + b"\x9b\xff"
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e"
                      "\u2060-\u206f\ufeff\U000e0000-\U000e0fff]")
# What the live line and the colours are made of, and the terminal's own line end.
OURS = re.compile("\r\x1b\\[K|\x1b\\[(31|33|0)m|\r\n")

HOLD = """
import mmap, sys
with open(sys.argv[2].encode("utf-8", "surrogateescape"), "rb") as file:
    pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    sum(pages[::4096])
    print("mapped", flush=True)
    sys.stdin.read()
"""


class HostileText(ScratchTest):
    address = True

    def setUp(self):
        super().setUp()
        self.base = os.fsencode(self.scratch)
        self.model = self.make(b"m", HOSTILE)

    def make(self, name, hostile):
        """A checkpoint of a shard and a link, their names and its own with `hostile` in them."""
        model, elsewhere = (self.base + b"/" + part + hostile for part in (name, b"of-" + name))
        os.mkdir(model)
        os.mkdir(elsewhere)
        write_safetensors(model + b"/model-" + hostile + b".safetensors",
                          {"layer" + TEXT: ("U8", (1 << 20,))})
        with open(elsewhere + b"/b" + hostile, "wb") as file:
            file.write(json.dumps({"architectures": ["Llama" + TEXT]}).encode())
        os.symlink(elsewhere + b"/b" + hostile, model + b"/config.json")
        return model

    def shown(self, *args, terminal=False):
        """What a command shows, as text; it must be UTF-8."""
        command = [COLDLOAD, *(os.fsencode(word) for word in args)]
        if not terminal:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=100, env=environment(), check=False)
            return (done.stdout + done.stderr).decode()
        ours, theirs = pty.openpty()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                                   env=environment({"TERM": "xterm", "NO_COLOR": None}))
        os.close(theirs)
        output = b""
        try:
            while piece := os.read(ours, 1 << 16):
                output += piece
        except OSError:  # EIO: nobody has it open any more
            pass
        os.close(ours)
        process.wait(timeout=100)
        return OURS.sub("\n", output.decode())

    def assert_harmless(self, *args, terminal=False):
        text = self.shown(*args, terminal=terminal)
        self.assertEqual(STEERING.findall(text), [], (args, text))
        self.assertNotIn("\ncoldload: all is well", text, args)
        return text

    def test_looking_at_a_checkpoint(self):
        for words in (["cache", "show"], ["cache", "warm"], ["cache", "evict"], ["inspect"],
                      ["inspect", "--tensors"]):
            self.assertIn("\ufffd", self.assert_harmless(*words, self.model))
            as_json = self.assert_harmless(*words, self.model, "--json").splitlines()
            text = as_json[0] if "--tensors" in words else "".join(as_json)
            read = json.dumps(json.loads(text), ensure_ascii=False)
            self.assertIn("\u202e", read)  # escaped, not lost

    def test_a_process_that_holds_a_file(self):
        shard = next(name for name in os.listdir(self.model) if name.startswith(b"model-"))
        holder = subprocess.Popen(
            [b"holder" + HOSTILE, "-c", HOLD, b"name" + HOSTILE, self.model + b"/" + shard],
            executable=sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(holder.stdout.readline(), b"mapped\n")
        text = self.assert_harmless("cache", "evict", self.model)
        holder.communicate()
        self.assertIn("holder", text)

    def test_staging(self):
        model, copy = self.make(b"source", UTF8), self.base + b"/copy" + UTF8
        for terminal in (False, True):
            self.assert_harmless("stage", "--follow-links", model, copy + b"%d" % terminal,
                                 terminal=terminal)
        self.assert_harmless("stage", "--follow-links", model, copy + b"0", "--json")
        os.truncate(copy + b"0/config.json", 1)
        self.assertIn("coldload: ", self.assert_harmless("stage", "--verify", copy + b"0"))

    def test_measuring_and_reporting(self):
        out = self.base + b"/out" + HOSTILE
        self.assert_harmless("measure", self.model, "--runs", "1", "--warm-runs", "0", "--no-floor",
                             "--verbose", "--out", out, "--note", HOSTILE, terminal=True)
        self.assert_harmless("compare", "--path", b"a=" + self.model, "--path", b"b=" + self.model,
                             "--dry-run", "--command", b"x=serve '" + HOSTILE + b"'")
        for flags in ([], ["--short"], ["--json"], ["--recommendation"]):
            self.assert_harmless("report", out + b"/" + JSONL_NAME.encode(), *flags)
        for name in os.listdir(out):
            if not os.path.isfile(out + b"/" + name):
                continue
            with open(out + b"/" + name, "rb") as file:
                found = STEERING.findall(file.read().decode())
            self.assertEqual(found, [], name)

    def test_errors_name_what_they_are_about(self):
        bad = self.base + b"/bad" + HOSTILE
        os.mkdir(bad)
        with open(bad + b"/model.safetensors.index.json", "wb") as file:
            file.write(json.dumps({"weight_map": {"a": "s" + TEXT}}).encode())
        for words in ([HOSTILE], ["cache", HOSTILE], ["inspect", b"--x" + HOSTILE],
                      ["inspect", bad],
                      ["inspect", self.base + HOSTILE], ["synth", bad, "--size", HOSTILE],
                      ["run", bad, "--", b"/no" + HOSTILE], ["report", bad],
                      ["measure", self.model, "--fail-if", HOSTILE],
                      ["shape", self.model, self.base + b"/at" + HOSTILE, "--rate", HOSTILE],
                      ["shape", bad + b"/none", bad, "--rate", "1MB/s"],
                      ["stage", self.model, self.model + b"/below"]):
            text = self.assert_harmless(*words)
            self.assertTrue(text.startswith("coldload: "), text)


if __name__ == "__main__":
    unittest.main()
