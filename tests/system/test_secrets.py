"""Keys, tokens and passwords reach the server, and neither a file nor the terminal."""

import unittest

from harness import FAKE_SERVER, ScratchTest, has_fake_server, needs, read_records, run, \
    write_checkpoint

# Where each is given, and what nobody may read afterwards.
SECRETS = {
    "our environment": "hf_aVeryOwnToken",
    "--env": "env-key-4711",
    "the server's flag": "s3cr3t-flag-value",
    "a second value of it": "s3cr3t-flag-value-too",
    "a URL": "hunter2hunter2",
    "a URL in our environment": "proxyPassword",
    "JSON": "json-token-1234",
    "a hook": "hook-key-999",
}


@needs(has_fake_server())
class Secrets(ScratchTest):
    address = ("test_a_run_leaves_none_behind", "test_nor_does_a_dry_run")

    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model")
        self.out = self.scratch / "out"

    def measure(self, *server_flags, flags=(), env=None):
        return run(
            ["measure", self.model, "--cold", "off", "--runs", 1, "--warm-runs", 0, "--warmup", 0,
             "--out", self.out, "--env", f"API_KEY={SECRETS['--env']}",
             "--prepare", f"HOOK_KEY={SECRETS['a hook']} true", *flags,
             "--", FAKE_SERVER, "--model", "{model}", "--port", "{port}", "--print-environment",
             "--api-key", SECRETS["the server's flag"], SECRETS["a second value of it"],
             f"--proxy=http://me:{SECRETS['a URL']}@127.0.0.1:1/x",
             "--override", f'{{"hf_token": "{SECRETS["JSON"]}", "length": 5}}', *server_flags],
            env={"HF_TOKEN": SECRETS["our environment"], "TOKENIZERS_PARALLELISM": "false",
                 "HTTPS_PROXY": f"http://me:{SECRETS['a URL in our environment']}@proxy:3128",
                 **(env or {})})

    def assert_clean(self, result, code):
        self.assertEqual(result.returncode, code, result.stderr)
        places = {"stdout": result.stdout, "stderr": result.stderr}
        if self.out.exists():
            for path in self.out.rglob("*"):
                if path.is_file():
                    places[path.name] = path.read_text(encoding="utf-8", errors="replace")
        found = [f"{where}: {secret}" for where, text in places.items()
                 for secret in SECRETS.values() if secret in text]
        self.assertEqual(found, [], "\n".join(places.values()))
        return places

    def test_a_run_leaves_none_behind(self):
        places = self.assert_clean(self.measure(), 0)
        log = next(text for name, text in places.items() if name.endswith(".log"))
        # The server got them, and what is no secret is still there.
        for line in ("HF_TOKEN=[redacted]\n", "API_KEY=[redacted]\n", ": [redacted]\n",
                     "TOKENIZERS_PARALLELISM=false\n", "--proxy=http://[redacted]@127.0.0.1:1/x\n",
                     '{"hf_token": "[redacted]", "length": 5}\n',
                     "HTTPS_PROXY=http://[redacted]@proxy:3128\n"):
            self.assertIn(line, log)
        record = read_records(self.out)[0]
        self.assertEqual(record["argv"][record["argv"].index("--api-key") + 1], "[redacted]")
        self.assertIn("API_KEY=[redacted]", record["command"])
        self.assertIn(str(self.model), record["argv"])

    def test_nor_does_a_failed_run_that_quotes_the_log(self):
        result = self.measure("--exit-after", 0, "--exit-code", 3, "--never-ready",
                              "--last", SECRETS["our environment"])
        self.assert_clean(result, 1)
        self.assertIn("its last words", result.stderr)

    def test_nor_does_the_echo_of_a_verbose_run(self):
        result = self.measure(flags=["--verbose"])
        self.assert_clean(result, 0)
        self.assertIn("HF_TOKEN=[redacted]", result.stderr)

    def test_nor_does_a_dry_run(self):
        result = self.measure("--short-token=aB1", flags=["--dry-run"])
        self.assert_clean(result, 0)
        self.assertIn("--api-key '[redacted]' '[redacted]'", result.stdout)
        # Too short to be looked for in a log, but not here.
        self.assertIn("'--short-token=[redacted]'", result.stdout)
        self.assertIn("HOOK_KEY=[redacted] true", result.stdout)

    def test_nor_does_a_failed_hook(self):
        result = self.measure(flags=["--setup", f"exit 3 # {SECRETS['our environment']}"])
        self.assert_clean(result, 1)
        self.assertIn("exit 3 # [redacted]", result.stderr)

    def test_nor_does_a_command_that_cannot_be_run(self):
        result = run(["measure", self.model, "--cold", "off", "--runs", 1, "--out", self.out, "--",
                      f"/nonexistent/{SECRETS['our environment']}", "{model}", "{port}"],
                     env={"HF_TOKEN": SECRETS["our environment"]})
        self.assert_clean(result, 1)

    def test_nor_does_a_word_that_is_not_understood(self):
        result = run(["measure", self.model, "--no-such", SECRETS["our environment"],
                      "--api-key", SECRETS["the server's flag"]],
                     env={"HF_TOKEN": SECRETS["our environment"]})
        self.assert_clean(result, 2)


if __name__ == "__main__":
    unittest.main()
