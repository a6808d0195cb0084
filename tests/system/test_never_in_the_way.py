"""What coldload does not know, it does not make up, and it stops nothing: logs in shapes that people's
servers have, and `coldload run` before whatever is to be started."""

from harness import (
    FAKE_SERVER,
    ScratchTest,
    has_fake_server,
    needs,
    read_records,
    run,
    write_checkpoint,
)


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
