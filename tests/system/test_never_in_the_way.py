"""What coldload does not know, it does not make up, and it stops nothing: logs in shapes that people's
servers have, and `coldload run` before whatever is to be started."""

import os
import signal
import subprocess
import time
from pathlib import Path

from harness import (
    COLDLOAD,
    FAKE_SERVER,
    Probe,
    ScratchTest,
    can_evict,
    environment,
    evict,
    free_port,
    has_fake_server,
    needs,
    read_records,
    resident_pages,
    run,
    start,
    write_checkpoint,
    write_safetensors,
)

LIBRARIES = Path(os.environ.get("FAKE_CUDA_LIBRARIES", ""))


def has_fake_nvml():
    return Probe((LIBRARIES / "libnvidia-ml.so.1").exists(), "no fake NVML was built")


@needs(has_fake_server())
class LogsOfSeveralRanks(ScratchTest):
    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model")
        self.out = self.scratch / "out"

    def measure(self, kind, begun, ended):
        """The record of a server that says the lines `begun`, after a while `ended`, and then
        serves."""
        script = 'cat "$0"; sleep 0.7; cat "$1"; shift; exec "$@"'
        for name, lines in (("begun", begun), ("ended", ended)):
            (self.scratch / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        result = run(["measure", self.model, "--runs", 1, "--warm-runs", 0, "-w", 0, "--no-floor",
                      "--out", self.out, "--server", kind, "--", "sh", "-c", script,
                      self.scratch / "begun", self.scratch / "ended", FAKE_SERVER, "--model",
                      "{model}", "--port", "{port}", "--read", "full"])
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return read_records(self.out)[-1]

    def test_ranks_behind_several_prefixes_are_not_added_up(self):
        for chain in ("(EngineCore pid=676) (RayWorkerProc pid=91{0}) (Worker_TP{0} pid=91{0}) ",
                      "(RayWorkerWrapper pid=91{0}) ", ""):
            begun = [chain.format(rank) + "INFO 09-14 07:00:00 [gpu_model_runner.py:5100] Starting "
                     "to load model /m..." for rank in range(4)]
            ended = [chain.format(rank) + "INFO 09-14 07:00:01 [default_loader.py:390] Loading "
                     f"weights took 0.5{rank} seconds" for rank in range(4)]
            with self.subTest(chain=chain):
                record = self.measure("vllm", begun, ended)
                self.assertEqual(record["reported"]["weights_s"], 0.53)
                weights_s = sum(phase["end_s"] - phase["start_s"] for phase in record["phases"]
                                if phase["name"] == "weights")
                self.assertGreater(weights_s, 0)
                self.assertLess(weights_s, record["load_s"])

    def test_an_sglang_of_2025_has_a_weights_phase(self):
        record = self.measure(
            "sglang", ["[2025-05-14 09:29:01] Load weight begin. avail mem=78.84 GB"],
            ["[2025-05-14 09:29:03] Load weight end. type=Qwen3ForCausalLM, dtype=torch.bfloat16, "
             "avail mem=63.49 GB, mem usage=15.35 GB."])
        self.assertEqual([phase["name"] for phase in record["phases"]], ["start", "weights"])
        self.assertEqual(record["reported"], {"model_gib": 15.35})


class RunStartsTheServer(ScratchTest):
    """`coldload run` before a server that needs none of what coldload cannot read."""

    address = ("test_whatever_the_path_is",)

    ENDS_WITH = 5

    def run_with(self, path, *flags, command=("{model}",), **kw):
        """(result, the server's words; None where it was not started)"""
        trace = self.scratch / "trace"
        script = f'printf "%s\\n" "$@" > "$0"; exit {self.ENDS_WITH}'
        for _ in range(20):
            trace.unlink(missing_ok=True)
            result = run(["run", *flags, path, "--", "sh", "-c", script, trace, *command], **kw)
            if "does not answer" not in result.stderr:  # a busy machine; the server does not wait
                break
        return result, trace.read_text().splitlines() if trace.exists() else None

    def paths(self):
        """Name -> a path that is no whole checkpoint."""
        empty = self.scratch / "empty"
        empty.mkdir()
        lacks = write_checkpoint(self.scratch / "lacks", shards=2)
        sorted(lacks.glob("*.safetensors"))[1].unlink()
        garbled = write_checkpoint(self.scratch / "garbled", shards=2)
        (garbled / "model.safetensors.index.json").write_bytes(b"\xff{")
        text = self.scratch / "text"
        text.write_text("no checkpoint")
        loop = self.scratch / "loop"
        loop.symlink_to(loop)
        return {"absent": self.scratch / "typo", "a hub's id": "org/model", "nothing": "",
                "empty": empty, "a shard is missing": lacks, "garbled": garbled,
                "a text": text, "a loop": loop, "a device": "/dev/null"}

    def test_whatever_the_path_is(self):
        for name, path in self.paths().items():
            with self.subTest(name):
                result, words = self.run_with(path, "--port", 1)
                self.assertEqual(result.returncode, self.ENDS_WITH, result.stderr)
                self.assertEqual(words, [str(path)])
                lines = result.stderr.splitlines()
                self.assertEqual(len(lines), 1, lines)
                self.assertIn(f"only starts the server; not reading {path} ahead: ", lines[0])

    def test_if_strict_it_starts_nothing(self):
        for name, path in self.paths().items():
            with self.subTest(name):
                result, words = self.run_with(path, "--strict", "--port", 1)
                self.assertEqual((result.returncode, words), (1, None), result.stderr)
                self.assertIn("the server was not started", result.stderr)

    def test_a_problem_is_told_quietly_too(self):
        result, words = self.run_with(self.scratch / "typo", "--quiet")
        self.assertEqual((result.returncode, len(words)), (self.ENDS_WITH, 1))
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_with_an_index_of_another_checkpoint(self):
        """A whole model beside the index that its unquantised original had."""
        model = write_checkpoint(self.scratch / "model", shards=2)
        for shard in model.glob("*.safetensors"):
            shard.unlink()
        write_safetensors(model / "model.safetensors", {"a": ("BF16", (64, 64))})
        result, words = self.run_with(model)
        self.assertEqual((result.returncode, words), (self.ENDS_WITH, [str(model)]), result.stderr)

    def test_where_the_folder_it_is_in_is_gone(self):
        gone = self.scratch / "gone"
        gone.mkdir()
        trace = self.scratch / "trace"
        script = 'cd "$0"; rmdir "$0"; exec "$@"'
        result = subprocess.run(
            ["sh", "-c", script, gone, COLDLOAD, "run", "model", "--", "sh", "-c",
             f'echo "$1" > "$0"; exit {self.ENDS_WITH}', trace, "{model}"],
            env=environment(), capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, self.ENDS_WITH, result.stderr)
        self.assertEqual(trace.read_text(), "model\n")

    def test_wherever_it_answers(self):
        model = write_checkpoint(self.scratch / "model")
        for command, word in ((["x"], "no port is found"), (["--port", "$PORT"], "no port is found"),
                              (["--port", "1", "--host", "gpu7"], "--host gpu7")):
            with self.subTest(command=command):
                result, words = self.run_with(model, command=command)
                self.assertEqual((result.returncode, words), (self.ENDS_WITH, command))
                said = [line for line in result.stderr.splitlines() if "answers" in line]
                self.assertEqual(len(said), 1, result.stderr)
                self.assertIn(word, said[0])
                result, words = self.run_with(model, "--strict", command=command)
                self.assertEqual((result.returncode, words), (1, None), result.stderr)
                self.assertIn(word, result.stderr)


@needs(can_evict(), has_fake_nvml())
class MemoryThatIsTheGpusToo(ScratchTest):
    """What lies in the page cache there, the server sees as taken."""

    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model", shard_bytes=32 << 20)
        self.weights = self.model / "model.safetensors"
        evict(self.weights)

    def said(self, program, *flags, nvml="integrated"):
        """What `coldload run` says of the reading before a server of that name."""
        server = self.scratch / program
        server.write_text("#!/bin/sh\nexec sleep 300\n")
        server.chmod(0o755)
        path = self.scratch / "said"
        with open(path, "wb") as err:
            process = start(["run", self.model, "--", server, *flags, "--port", free_port()],
                            stderr=err, env={"LD_LIBRARY_PATH": LIBRARIES, "FAKE_NVML": nvml})
        deadline = time.monotonic() + 60
        while True:
            lines = [line for line in path.read_text().splitlines() if " reading " in line]
            if lines or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=60), 128 + signal.SIGTERM)
        self.assertEqual(len(lines), 1, path.read_text())
        return lines[0]

    def test_is_left_to_the_server(self):
        for name, command in (("all", ["vllm", "serve", self.model, "--gpu-memory-utilization", 1]),
                              ("nobody knows", ["llama-server", "-m", self.model])):
            with self.subTest(name):
                said = self.said(*command)
                self.assertIn("only starts the server; not reading", said)
                self.assertIn("the GPU works in this machine's memory", said)
                resident, every = resident_pages(self.weights)
                self.assertLess(resident, every // 2)  # some may be: of its header

    def test_is_warmed_with_a_word_of_warning(self):
        for nvml in ("integrated", ""):
            result = run(["cache", "warm", self.model],
                         env={"LD_LIBRARY_PATH": LIBRARIES, "FAKE_NVML": nvml})
            self.assertEqual("sees what is in the page cache as taken" in result.stderr, bool(nvml))

    def test_is_used_where_the_server_leaves_some(self):
        said = self.said("vllm", "serve", self.model, "--gpu-memory-utilization", 0.000001)
        self.assertIn("beside the server; the GPU works in this machine's memory", said)

    def test_is_not_seen_in_a_gpu_with_its_own(self):
        said = self.said("vllm", "serve", self.model, "--gpu-memory-utilization", 1, nvml="")
        self.assertIn("beside the server", said)
        self.assertNotIn("the GPU", said)
