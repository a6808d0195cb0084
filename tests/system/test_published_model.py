"""A checkpoint that nobody here made: what inspect says of it is what the safetensors library's own
reader says, tensor by tensor. Needs pip and the network the first time."""

import json
import subprocess
import sys
import unittest

from harness import SOURCE_DIR, run

LIBRARY = SOURCE_DIR / ".cache" / "safetensors-library"

# Prints one JSON line per tensor. Runs apart, so that the library is in nobody else's way.
READER = """
import json, pathlib, sys
sys.path.insert(0, sys.argv[1])
import safetensors
for name, tensor in safetensors.deserialize(pathlib.Path(sys.argv[2]).read_bytes()):
    print(json.dumps([name, tensor["dtype"], list(tensor["shape"]), len(tensor["data"])]))
"""


def last_line(text):
    return (text.strip().splitlines() or ["no output"])[-1]


def fetch_model():
    """The checkpoint's directory, or SkipTest with the reason."""
    done = subprocess.run([SOURCE_DIR / "script" / "fetch-minilm"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise unittest.SkipTest(f"script/fetch-minilm: {last_line(done.stderr)}")
    return done.stdout.strip()


def install_library():
    if (LIBRARY / "safetensors").is_dir():
        return
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
               "--no-deps", "--target", LIBRARY, "safetensors"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise unittest.SkipTest(f"pip cannot install safetensors: {last_line(done.stderr)}")


def read_with_library(path):
    done = subprocess.run([sys.executable, "-c", READER, LIBRARY, path], capture_output=True,
                          text=True, check=True)
    return sorted(json.loads(line) for line in done.stdout.splitlines())


class PublishedModel(unittest.TestCase):
    timeout_s = 600

    def test_inspect_says_what_the_safetensors_library_says(self):
        directory = fetch_model()
        install_library()
        theirs = read_with_library(f"{directory}/model.safetensors")
        self.assertGreater(len(theirs), 100)

        listed = run(["inspect", directory, "--tensors", "--json"])
        self.assertEqual(listed.returncode, 0, listed.stderr)
        tensors = [json.loads(line) for line in listed.stdout.splitlines()]
        ours = sorted([t["name"], t["dtype"], t["shape"], t["bytes"]] for t in tensors)
        self.assertEqual(ours, theirs)

        total = json.loads(run(["inspect", directory, "--json"]).stdout)
        self.assertEqual(total["tensors"], len(theirs))
        self.assertEqual(total["tensor_bytes"], sum(tensor[3] for tensor in theirs))
        self.assertEqual(total["shards"], 1)
        self.assertEqual(total["name"], "all-MiniLM-L6-v2")
        self.assertEqual(total["largest_tensor"]["bytes"], max(tensor[3] for tensor in theirs))


if __name__ == "__main__":
    unittest.main()
