"""`coldload report`: reports of many shapes hold to what is documented, and large records are no
trouble."""

import json
import resource
import statistics
import subprocess

from harness import (
    FAKE_SERVER,
    JSONL_NAME,
    SOURCE_DIR,
    Probe,
    ScratchTest,
    has_command,
    has_fake_server,
    is_root,
    needs,
    plain_build,
    run,
    write_checkpoint,
)

try:
    import jsonschema
except ImportError:
    jsonschema = None

EXAMPLES = sorted([*SOURCE_DIR.glob(f"docs/examples/*/{JSONL_NAME}"),
                   *SOURCE_DIR.glob(f"days/*/{JSONL_NAME}")])


class Published(ScratchTest):
    """The reports that the repository shows are what their records say."""

    address = True

    def test_each_is_written_by_this_coldload(self):
        self.assertGreater(len(EXAMPLES), 5)
        for records in EXAMPLES:
            with self.subTest(records.parent.name):
                written = self.scratch / records.parent.name / records.with_suffix(".md").name
                written.parent.mkdir()
                result = run(["report", records, "--output", written])
                self.assertEqual(result.returncode, 0, result.stderr)
                for path in written.parent.iterdir():
                    if path.suffix != ".html":
                        self.assertEqual(path.read_bytes(), (records.parent / path.name).read_bytes(),
                                         f"`coldload report {records}` writes another {path.name}")


class Json(ScratchTest):
    @needs(Probe(jsonschema is not None, "needs python3-jsonschema"))
    def test_keeps_its_schema(self):
        schema = json.loads((SOURCE_DIR / "docs" / "report.schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        empty = self.scratch / "empty.jsonl"
        empty.touch()
        for records in (*EXAMPLES, empty):
            with self.subTest(str(records)):
                result = run(["report", records, "--json"])
                self.assertEqual(result.returncode, 0, result.stderr)
                validator.validate(json.loads(result.stdout))

    def test_ranks_the_ways_to_start_from_each_path(self):
        records = SOURCE_DIR / "docs" / "examples" / "cpu-llama-server-ways" / JSONL_NAME
        comparison = json.loads(run(["report", records, "--json"]).stdout)["comparison"]
        for ways in comparison["ways"]:
            arms = {name: f"{ways['path']}_{name}" for name in ways["fastest_first"]}
            medians = [comparison["arms"][arm]["median_s"] for arm in arms.values()]
            self.assertEqual(medians, sorted(medians))
            self.assertEqual(set(arms), {"mmap", "dio", "none"})
            self.assertEqual([one["second"] for one in ways["contrasts"]],
                             [arm for name, arm in arms.items() if name != "mmap"])
        self.assertEqual([ways["path"] for ways in comparison["ways"]], ["nvme", "net"])

    def test_has_herds_by_path_and_size_with_their_model(self):
        records = SOURCE_DIR / "docs" / "examples" / "native-herd" / JSONL_NAME
        comparison = json.loads(run(["report", records, "--json"]).stdout)["comparison"]
        (herd,) = comparison["herds"]
        self.assertEqual((herd["arm"], herd["hosts"], herd["not_whole"]), ("net", 1, 0))
        self.assertEqual([(size["nodes"], size["herds"]) for size in herd["sizes"]], [(1, 6), (2, 6), (4, 6)])
        for size in herd["sizes"]:
            self.assertEqual(size["all_ready_median_s"], statistics.median(size["values_s"]))
            self.assertAlmostEqual(size["residual_s"], size["all_ready_median_s"] - size["predicted_s"])
            self.assertLessEqual(size["fastest_node_median_s"], size["all_ready_median_s"])
        model = herd["model"]
        self.assertAlmostEqual(model["knee_nodes"], model["total_bytes_per_s"] / model["node_bytes_per_s"])
        self.assertTrue(model["fits"])
        low, high = model["total_bytes_per_s_ci"]
        self.assertTrue(low <= model["total_bytes_per_s"] <= high, (low, high))

    def test_has_no_herds_where_none_started(self):
        comparison = json.loads(run(["report", EXAMPLES[0], "--json"]).stdout)["comparison"]
        self.assertNotIn("herds", comparison)


class Unwritable(ScratchTest):
    @needs(is_root(), has_command("mount"))
    def test_a_read_only_place_is_named_as_what_it_is(self):
        point = self.scratch / "disk"
        point.mkdir()
        for options in ("size=1m", "remount,ro,size=1m"):
            if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", point], check=False).returncode != 0:
                self.skipTest("tmpfs cannot be mounted here")
            if options == "size=1m":
                self.addCleanup(subprocess.run, ["umount", point], check=True)
        result = run(["report", EXAMPLES[0], "-o", point / "report.md"])
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, f"^coldload: cannot write {point}/report[._a-z]+: Read-only file system$")

    @needs(has_fake_server())
    def test_hides_not_what_was_measured(self):
        out = self.scratch / "out"
        (out / "storage_layout_bench.md" / "somebody's").mkdir(parents=True)
        result = run(["measure", write_checkpoint(self.scratch / "model"), "--runs", 1, "--warm-runs", 0, "-w", 0,
                      "--cold", "off", "--no-floor", "--out", out, "--", FAKE_SERVER, "--port", "{port}",
                      "--model", "{model}"])
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot write", result.stderr)
        self.assertRegex(result.stdout, r"mode +trials +median")


class Large(ScratchTest):
    timeout_s = 180

    @needs(plain_build())
    def test_many_records_are_read_in_bounded_memory(self):
        records = self.scratch / JSONL_NAME
        trials = [json.loads(line) for line in (SOURCE_DIR / "docs" / "examples" / "native-stand-in" /
                                                JSONL_NAME).read_text(encoding="utf-8").splitlines()]
        with records.open("w", encoding="utf-8") as out:
            for run_id in range(1, 20_001):
                trial = {**trials[run_id % len(trials)], "run_id": run_id, "timeline": []}
                out.write(json.dumps(trial) + "\n")
        result = run(["report", records, "--short"], timeout=120,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Medians of 8333 runs", result.stdout)
