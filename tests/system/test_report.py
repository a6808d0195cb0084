"""`coldload report`: reports of many shapes hold to what is documented, and large records are no
trouble."""

import json
import resource

from harness import JSONL_NAME, SOURCE_DIR, Probe, ScratchTest, needs, plain_build, run

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
