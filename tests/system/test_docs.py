"""The command lines of README.md and docs/ parse, and do what they say: with a small checkpoint in the
place of every path, and a server that only looks like vLLM."""

import os
import re
import shlex
import sys
import unittest

from harness import (
    FAKE_SERVER,
    SOURCE_DIR,
    ScratchTest,
    can_evict,
    has_fake_server,
    needs,
    run,
    write_checkpoint,
)

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"(?<![\w.}])/(?:mnt|models|data|local)/[\w/.-]+")


def lines_of(path):
    """(number, words) of each command line of coldload in a document's blocks, as a shell splits it."""
    text = path.read_text(encoding="utf-8")
    found = []
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1)) + 1
        lines = block[1].replace("\\\n", " \0").split("\n")
        at = first
        for line in lines:
            words = shlex.split(line.replace("\0", ""), comments=True)
            if words[:1] == ["coldload"]:
                ends = [i for i, word in enumerate(words) if re.fullmatch(r"[0-9]?>+|\||&&|&|;", word)]
                found.append((at, words[1:ends[0]] if ends else words[1:]))
            at += 1 + line.count("\0")
    return found


@needs(can_evict(), has_fake_server())
class CommandLines(ScratchTest):
    timeout_s = 300

    def setUp(self):
        super().setUp()
        bin_folder = self.scratch / "bin"
        bin_folder.mkdir()
        vllm = bin_folder / "vllm"
        vllm.write_text(f"#!{sys.executable}\nimport os, sys\nwords = sys.argv[2:]\n"
                        f"os.execv({FAKE_SERVER!r}, ['vllm', '--model', words[0], '--read=full',"
                        " '--exit-after=300', *words[1:]])\n", encoding="utf-8")
        vllm.chmod(0o755)
        self.env = {"PATH": f"{bin_folder}:{os.environ['PATH']}"}
        write_checkpoint(self.scratch / "M")  # what the README's first try makes
        self.count = 0

    def here(self, words, fresh):
        """The words with places of this machine: a checkpoint each; `fresh`: what must not be there."""
        def place(match):
            path = self.scratch / "places" / match[0].strip("/").replace("/", "-")
            if match[0] not in fresh and not path.exists():
                write_checkpoint(path)
            return str(path)
        return [PLACE.sub(place, word) for word in words]

    def fresh_of(self, words):
        if words[0] == "stage" and "--verify" not in words:
            return {word for word in words[2:] if PLACE.fullmatch(word)}
        places = []
        for flag, value in zip(words, words[1:]):
            if flag == "--stage":
                places.append(value.partition(":")[2] or value)
        return set(places)

    def assert_works(self, where, words):
        command = words[0]
        if command in ("shape", "floor", "guard"):
            return  # until Ctrl-C; twenty seconds of reading
        words = self.here(words, self.fresh_of(words))
        if command in ("compare", "measure"):
            words.insert(1, "--dry-run")
        if command == "synth":
            words = ["synth", self.scratch / "synth", "--size", "1MB"]
        if command == "report":
            out = self.scratch / "results"
            if not out.exists():
                model = write_checkpoint(self.scratch / "model")
                done = run(["compare", "--path", f"nvme={model}", "--path", f"net={model}", "--runs", 1,
                            "--warm-runs", 0, "--no-floor", "--out", out])
                self.assertEqual(done.returncode, 0, done.stderr)
            words = [str(out / "storage_layout_bench.jsonl") if word.endswith(".jsonl") else word
                     for word in words]
        done = run(words, env=self.env, cwd=self.scratch, timeout=60)
        # What `--fail-if` asks may well hold here.
        allowed = (0, 4) if "--fail-if" in words else (0,)
        self.assertIn(done.returncode, allowed, f"{where}: {' '.join(map(str, words))}\n{done.stderr}")

    def test_of_the_documents_work_as_written(self):
        seen = 0
        documents = [SOURCE_DIR / "README.md", *sorted((SOURCE_DIR / "docs").glob("*.md"))]
        for document in documents:
            for number, words in lines_of(document):
                with self.subTest(line=f"{document.name}:{number}", words=" ".join(words)):
                    seen += 1
                    self.assert_works(f"{document.name}:{number}", words)
        self.assertGreater(seen, 10)


if __name__ == "__main__":
    unittest.main()
