"""What coldload makes of real-shaped servers: recognised, launched as they should be, read from
their logs, and explained where they fail. The talking is a script's (tests/fakes/replay.py), the
serving a real process's."""

import json
import os
import resource
import subprocess
import sys
import unittest
from pathlib import Path

from harness import (
    COLDLOAD,
    FAKE_SERVER,
    SOURCE_DIR,
    ScratchTest,
    environment,
    has_fake_server,
    needs,
    read_notes,
    read_records,
    read_rows,
    run,
    write_checkpoint,
)

REPLAY = SOURCE_DIR / "tests" / "fakes" / "replay.py"


def vllm_script(scale=0.01, weights_s=5.0):
    """The start of vLLM 0.24 as one H100 showed it, `scale` times as long; what a line says to have
    taken is scaled too."""
    def took(seconds):
        return f"{seconds * scale:.4f}"

    core = "(EngineCore pid=8) INFO 11-22 13:32:46 "
    lines = [
        (11, core + "[core.py:114] Initializing a V1 LLM engine (v0.24.0) with config: x=" + "y" * 9000),
        (13, core + "[model_runner.py:281] Loading model from scratch..."),
        (13.1, core + "[weight_utils.py:849] Filesystem type for checkpoints: EXT4. Checkpoint "
               "size: 6.72 GiB. Available RAM: 123.47 GiB."),
        (13.2, "\x1b[32m\rLoading safetensors checkpoint shards:   0% Completed | 0/4\x1b[0m"),
        (18.3, core + f"[default_loader.py:430] Loading weights took {took(weights_s)} seconds"),
        (19, core + f"[model_runner.py:302] Model loading took 6.72 GiB and {took(6)} seconds"),
        (45, core + f"[monitor.py:53] torch.compile took {took(25)} s in total"),
        (46, core + f"[monitor.py:81] Initial profiling/warmup run took {took(0.8)} s"),
        (48, core + "[gpu_worker.py:508] Available KV cache memory: 55.57 GiB"),
        (50.5, core + "[kv_cache_utils.py:2146] GPU KV cache size: 520,240 tokens"),
        (53, "\rCapturing CUDA graphs (PIECEWISE):   0%|    | 0/51 [00:00<?]"),
        (54.7, core + f"[model_runner.py:726] Graph capturing finished in {took(5.7)} secs, took 0.80 "
               "GiB"),
        (72, core + "[core.py:337] init engine (profile, create kv cache, warmup model) took "
             "52.55 s (compilation: 24.97 s)"),
        (72.5, "(APIServer pid=7) INFO 11-22 [api_server.py:581] Starting vLLM server on http://x"),
    ]
    return [[at * scale, text + "\n"] for at, text in lines]


@needs(has_fake_server())
class ServerTest(ScratchTest):
    def setUp(self):
        super().setUp()
        self.model = self.scratch / "model"
        write_checkpoint(self.model, shards=1)
        self.out = self.scratch / "out"

    def talking(self, script, *flags, serve=("--ready-after", "900")):
        path = self.scratch / "script.json"
        path.write_text(json.dumps(script), encoding="utf-8")
        return ["--", sys.executable, REPLAY, path, *flags, "--", FAKE_SERVER, "--model", "{model}",
                "--port", "{port}", "--read", "full", *serve]

    def measure(self, *words, expect=0, env=None):
        result = run(["measure", self.model, "--runs", 1, "--warm-runs", 0, "-w", 0,
                      "--out", self.out, *words], env=env)
        self.assertEqual(result.returncode, expect, result.stdout + result.stderr)
        return read_records(self.out)[-1]


class Logs(ServerTest):
    address = ("test_a_line_that_comes_in_pieces_or_never_ends",)

    def test_a_vllm_log_becomes_phases_that_add_up(self):
        # Slow enough that a busy machine's delays are short beside each phase.
        record = self.measure("--server", "vllm", *self.talking(
            vllm_script(scale=0.1), serve=("--ready-after", "9000")))
        self.assertEqual((record["status"], record["target"]), ("ok", "vllm"))
        names = [phase["name"] for phase in record["phases"]]
        self.assertEqual(names, ["start", "weights", "compile", "profile", "kv_cache", "graphs",
                                 "http"])
        spent = sum(phase["end_s"] - phase["start_s"] for phase in record["phases"])
        self.assertAlmostEqual(spent + record["unattributed_s"], record["load_s"], places=6)
        self.assertGreater(record["unattributed_s"], 0)
        for before, after in zip(record["phases"], record["phases"][1:]):
            self.assertLessEqual(before["end_s"], after["start_s"] + 1e-9)
        self.assertEqual(record["phases"][-1]["end_s"], record["load_s"])
        self.assertEqual(
            {key: record["reported"].get(key) for key in
             ("version", "weights_s", "model_gib", "compile_s", "graphs_s", "engine_init_s",
              "kv_tokens", "file_system")},
            {"version": "0.24.0", "weights_s": 0.5, "model_gib": 6.72, "compile_s": 24.97,
             "graphs_s": 0.57, "engine_init_s": 52.55, "kv_tokens": 520240, "file_system": "EXT4"})

    def test_milestones_are_in_order(self):
        record = self.measure("--server", "vllm", *self.talking(vllm_script()))
        self.assertGreater(record["spawn_s"], 0)
        self.assertLess(record["spawn_s"], record["port_open_s"])
        self.assertLessEqual(record["port_open_s"], record["load_s"])

    def test_the_report_shows_the_phases_and_what_ran(self):
        self.measure("--server", "vllm", *self.talking(vllm_script()))
        report = (self.out / "storage_layout_bench.md").read_text(encoding="utf-8")
        for text in ("| weights |", "| unattributed |", "`EXT4`", "0.24.0",
                     "VLLM_ENGINE_READY_TIMEOUT_S=1800"):
            self.assertIn(text, report)

    def test_a_log_that_nobody_knows_is_unattributed(self):
        script = [[0.1, "Weights loaded: took 12 seconds\n"], [0.2, "5 GiB on the device\n"]]
        for kind in ("vllm", "sglang", "llama-server", "tgi", "transformers", "generic"):
            with self.subTest(kind=kind):
                record = self.measure("--server", kind, *self.talking(script))
                self.assertEqual((record["phases"], record["reported"]), ([], {}))
                self.assertAlmostEqual(record["unattributed_s"], record["load_s"], places=9)

    def test_a_line_that_comes_in_pieces_or_never_ends(self):
        script = [[0.05, "x" * 100_000], [0.1, "\nLoading wei"], [0.2, "ghts took 0.1"],
                  [0.3, "2 seconds\n"], [0.4, "no end"]]
        record = self.measure("--server", "vllm", *self.talking(script))
        self.assertEqual(record["reported"], {"weights_s": 0.12})

    def test_a_huge_log_costs_no_memory_and_loses_nothing(self):
        script = [[at + 0, text] for at, text in vllm_script()]
        record = self.measure("--server", "vllm", *self.talking(script, "--flood", 200_000_000))
        self.assertEqual((record["status"], record["reported"]["kv_tokens"]), ("ok", 520240))
        if not os.environ.get("COLDLOAD_SANITIZE"):
            peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            self.assertLess(peak_kib, 200 << 10)


class LogsThatAreCut(ServerTest):
    address = ("test_what_the_server_wrote_last_is_said_to_be_missing",)

    def test_what_the_server_wrote_last_is_said_to_be_missing(self):
        """As on a disk that fills up while the server ends."""
        script = ("trap 'head -c 4000000 /dev/zero | tr \"\\\\0\" x; kill $pid; exit' TERM; "
                  '"$0" --model "$1" --port "$2" --read full & pid=$!; wait $pid')
        done = subprocess.run(
            ["sh", "-c", "trap '' XFSZ; ulimit -f 2000; exec \"$@\"", "sh", COLDLOAD, "measure",
             self.model, "--runs", "1", "--warm-runs", "0", "-w", "0", "--no-floor", "--out", self.out,
             "--", "sh", "-c", script, FAKE_SERVER, "{model}", "{port}"],
            env=environment(), capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        record = read_records(self.out)[-1]
        self.assertEqual(record["status"], "ok")
        said = [line for line in record["remarks"] if "log lacks" in line]
        self.assertEqual(len(said), 1, record["remarks"])
        self.assertIn(record["log"], said[0])
        self.assertIn("File too large", said[0])
        self.assertIn("log lacks", read_rows(self.out)[-1]["notes"])


class Failures(ServerTest):
    address = ("test_known_causes_are_named", "test_a_server_that_ends_after_ready_has_failed")

    def explained(self, text, *words, **kw):
        script = [[0.05, "Traceback (most recent call last):\n"], [0.06, text + "\n"],
                  [0.07, "RuntimeError: Engine core initialization failed.\n"]]
        record = self.measure("--server", "vllm", *words, *self.talking(
            script, "--then", 1, serve=("--never-ready",)), expect=1, **kw)
        self.assertEqual((record["status"], record["load_s"]), ("failed", None))
        row = read_rows(self.out)[-1]
        self.assertEqual((row["load_s"], read_notes(row)["status"]), ("", "failed"))
        self.assertIn("reason", read_notes(row))
        self.assertIn("Engine core initialization failed", record["reason"])
        return record["reason"]

    def test_known_causes_are_named(self):
        for text, words in (
                ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "out of GPU"),
                ("OSError: [Errno 98] Address already in use", "the port is in use"),
                ("ValueError: Model architectures ['X'] are not supported for now.", "architecture"),
                ("ModuleNotFoundError: No module named 'flashinfer'", "module is missing")):
            with self.subTest(text=text):
                self.assertIn(words, self.explained(text))

    def test_an_unknown_cause_leaves_the_last_words(self):
        self.assertIn("a cause that nobody knows", self.explained("a cause that nobody knows"))

    def test_a_server_that_ends_after_ready_has_failed(self):
        record = self.measure("--server", "vllm", "--first-token", "--", FAKE_SERVER, "--model",
                              "{model}", "--port", "{port}", "--read", "full", "--die-of-post",
                              expect=1)
        self.assertEqual(record["status"], "failed")
        self.assertIn("exit code 7 after it was ready", record["reason"])
        self.assertIsNotNone(record["load_s"])
        self.assertEqual(read_rows(self.out)[-1]["load_s"], "")

    def test_a_time_out_tells_what_it_was_doing(self):
        script = [[0.1, "(EngineCore pid=8) INFO [x.py:1] Starting to load model /m...\n"]]
        record = self.measure("--server", "vllm", "--timeout", "8s", *self.talking(
            script, serve=("--never-ready",)), expect=1)
        self.assertEqual(record["status"], "timed_out")
        self.assertIn("weights", record["reason"])
        self.assertIn("Starting to load model", record["reason"])


class Commands(ServerTest):
    address = ("test_a_command_is_built", "test_vllm_is_pinned_where_its_version_has_the_flag")

    def plan(self, *words, expect=0, env=None):
        result = run(["measure", self.model, "--dry-run", *words], env=env)
        self.assertEqual(result.returncode, expect, result.stdout + result.stderr)
        return result.stdout + result.stderr

    def test_what_runs_elsewhere_is_refused(self):
        for name in ("docker", "podman", "srun", "kubectl", "systemd-run"):
            with self.subTest(name=name):
                said = self.plan("--", "env", "A=1", name, "run", "vllm", "serve", "{model}",
                                 "--port", "{port}", expect=2)
                self.assertIn("Run coldload where the server runs instead", said)

    def test_a_command_is_built(self):
        programs = self.scratch / "bin"
        programs.mkdir()
        for name in ("vllm", "llama-server", "text-generation-launcher", "transformers", "python3"):
            (programs / name).symlink_to("/bin/true")
        env = {"PATH": f"{programs}:{os.environ['PATH']}"}
        plan = self.plan("--server", "vllm", "--max-model-len", 4096,
                         "--gpu-memory-utilization", 0.8, "--", "--enforce-eager", env=env)
        self.assertIn(f"vllm serve {self.model} --host 127.0.0.1", plan)
        for words in ("--max-model-len 4096", "--gpu-memory-utilization 0.8", "--enforce-eager"):
            self.assertIn(words, plan)
        for kind, word in (("sglang", "sglang.launch_server"), ("llama-server", "llama-server -m"),
                           ("tgi", "text-generation-launcher"),
                           ("transformers", "transformers serve")):
            self.assertIn(word, self.plan("--server", kind, env=env))

    def test_wrong_words(self):
        self.assertIn("the servers are vllm", self.plan("--server", "vlm", expect=2))
        self.assertIn("none to build", self.plan("--server", "generic", expect=2))
        self.assertIn("--server", self.plan("--", "--enforce-eager", expect=2))
        self.assertIn("private", self.plan("--compile-cache", "no", "--server", "vllm", expect=2))
        self.assertIn("its own", self.plan("--gpu-memory-utilization", 0.5, "--", "x", "{model}",
                                           "{port}", expect=2).replace("server's own", "its own"))

    def fake_vllm(self, version_command):
        """A `vllm` whose interpreter answers like one that has vLLM, and which serves."""
        folder = self.scratch / "venv"
        folder.mkdir()
        python = folder / "python3"
        python.write_text(f'#!/bin/sh\nif [ "$1" = -c ]; then {version_command}; exit; fi\n'
                          f'shift; shift; model=$1; shift\nexec {FAKE_SERVER} --model "$model" "$@"\n')
        script = folder / "vllm"
        script.write_text(f"#!{python}\n")
        python.chmod(0o755)
        script.chmod(0o755)
        return ["--", script, "serve", "{model}", "--port", "{port}", "--read", "full"]

    def test_vllm_is_pinned_where_its_version_has_the_flag(self):
        command = self.fake_vllm("echo 0.24.0")
        self.assertIn("--safetensors-load-strategy lazy", self.plan(*command))
        record = self.measure(*command)
        self.assertEqual(record["argv"][-2:], ["--safetensors-load-strategy", "lazy"])
        server = record["environment"]["server"]
        self.assertEqual(server["installed_version"], "0.24.0")
        self.assertEqual(server["pinned_flags"], ["--safetensors-load-strategy", "lazy"])
        self.assertEqual(record["target"], "vllm")
        plan = self.plan(*command, "--safetensors-load-strategy", "prefetch")
        self.assertNotIn("lazy", plan)

    def test_vllm_of_an_unknown_version_is_left_alone(self):
        self.assertNotIn("lazy", self.plan(*self.fake_vllm("echo 0.10.2")))

    def test_a_version_that_does_not_come_is_not_waited_for(self):
        self.assertNotIn("lazy", self.plan(*self.fake_vllm("sleep 100")))


class RuntimeCaches(ServerTest):
    address = ("test_private_caches_last_for_the_experiment",)

    COMMAND = ["--", "sh", "-c",
               'echo "cache $VLLM_CACHE_ROOT" $(ls "$VLLM_CACHE_ROOT" 2>/dev/null); '
               'mkdir -p "$VLLM_CACHE_ROOT"; touch "$VLLM_CACHE_ROOT/graph"; '
               'exec "$0" --model "$1" --port "$2" --read full',
               FAKE_SERVER, "{model}", "{port}"]

    def caches(self, mode, env=None):
        result = run(["measure", self.model, "--runs", 2, "--warm-runs", 0, "-w", 0, "--out",
                      self.out, "--compile-cache", mode, *self.COMMAND], env=env)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        lines = []
        for record in read_records(self.out)[-2:]:
            self.assertEqual(record["environment"]["server"]["compile_cache"], mode)
            lines.append((self.out / record["log"]).read_text(encoding="utf-8").split()[1:])
        self.assertEqual(list(self.out.glob(".runtime-caches*")), [])
        return lines

    def test_private_caches_last_for_the_experiment(self):
        first, second = self.caches("private", env={"VLLM_CACHE_ROOT": "/nonexistent"})
        self.assertTrue(first[0].startswith(str(self.out)))
        self.assertEqual(first[0], second[0])
        self.assertEqual((first[1:], second[1:]), ([], ["graph"]))

    def test_fresh_caches_are_empty_each_time(self):
        first, second = self.caches("fresh")
        self.assertEqual((first[1:], second[1:]), ([], []))

    def test_kept_caches_are_the_machines_own(self):
        own = self.scratch / "own"
        first, second = self.caches("keep", env={"VLLM_CACHE_ROOT": str(own)})
        self.assertEqual((first, second), ([str(own)], [str(own), "graph"]))

    def test_the_users_own_variables_stand_above_all(self):
        own = self.scratch / "own"
        result = run(["measure", self.model, "--runs", 1, "--warm-runs", 0, "-w", 0, "--out",
                      self.out, "--env", f"VLLM_CACHE_ROOT={own}", *self.COMMAND])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue((own / "graph").exists())


class CacheVerdicts(ServerTest):
    """What each trial says of the runtime caches that it found, and what the report makes of it."""

    SENTENCE = "compilation, not storage"

    def verdicts(self, *words, compiles, env=None):
        """Of each trial of a fresh experiment on two paths of one disk, in order; and the report."""
        result = run(["compare", "--path", f"a={self.model}", "--path", f"b={self.model}", "--out",
                      self.out, "--order", "sequential", "--runs", 2, "--warm-runs", 0, *words,
                      "--", FAKE_SERVER, "--model", "{model}", "--port", "{port}", "--read", "full",
                      "--compile", compiles], env=env)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        report = (self.out / "storage_layout_bench.md").read_text(encoding="utf-8")
        return [tuple(record[key] for key in
                      ("caches", "caches_files", "caches_bytes", "caches_written_files",
                       "caches_written_bytes")) for record in read_records(self.out)], report

    def in_pages(self, found):
        """Sizes in whole pages: the log and the note of the process that every start leaves are far
        smaller than one, and differ."""
        return [(verdict, files, size // 4096 * 4096, written, written_size // 4096 * 4096)
                for verdict, files, size, written, written_size in found]

    def test_starts_after_the_first_find_all_that_it_compiled(self):
        found, report = self.verdicts(compiles="first")
        self.assertEqual(self.in_pages(found), [("hit", 4, 73728, 0, 0)] * 4)
        self.assertNotIn(self.SENTENCE, report)

    def test_starts_that_compile_each_time_are_told(self):
        found, report = self.verdicts(compiles="each")
        # One graph of each discarded first launch, and one more of each start.
        self.assertEqual(self.in_pages(found),
                         [("mixed", n + 3, n * 65536 + 8192, 1, 65536) for n in (2, 3, 4, 5)])
        for label in "ab":
            self.assertIn(f"**2 of 2 cold starts on `{label}` wrote 2 files (131 kB in all) to runtime "
                          f"caches that earlier starts had filled:** part of their time is {self.SENTENCE}",
                          report)

    def test_a_start_without_a_first_launch_fills_them(self):
        found, report = self.verdicts("-w", 0, compiles="first")
        self.assertEqual(self.in_pages(found),
                         [("filled", 0, 0, 4, 73728), *[("hit", 4, 73728, 0, 0)] * 3])
        self.assertIn("1 of 2 cold starts on `a` found the runtime caches empty and wrote 4 files", report)

    def test_fresh_caches_are_filled_each_time_and_that_is_no_news(self):
        found, report = self.verdicts("-w", 0, "--compile-cache", "fresh", compiles="first")
        self.assertEqual(self.in_pages(found), [("filled", 0, 0, 4, 73728)] * 4)
        self.assertNotIn(self.SENTENCE, report)

    def test_a_server_that_compiles_nothing_has_none(self):
        found, report = self.verdicts(compiles="none")
        self.assertEqual(found, [("none", 0, 0, 0, 0)] * 4)
        self.assertNotIn(self.SENTENCE, report)

    def test_the_machines_own_are_looked_at_where_they_are_kept(self):
        home = self.scratch / "home"
        own = home / "cache" / "vllm"
        own.mkdir(parents=True)
        (own / "graph-0").write_bytes(bytes(10000))
        (own / "elsewhere").symlink_to("/")
        env = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(home)}
        found, _ = self.verdicts("-w", 0, "--compile-cache", "keep", compiles="none", env=env)
        self.assertEqual(found, [("hit", 1, 10000, 0, 0)] * 4)

    def test_the_native_loader_has_none_to_tell_of(self):
        result = run(["measure", self.model, "--runs", 1, "--warm-runs", 0, "--out", self.out])
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        record = read_records(self.out)[-1]
        for key in ("caches", "caches_files", "caches_written_bytes"):
            self.assertIsNone(record[key])


if __name__ == "__main__":
    unittest.main()
