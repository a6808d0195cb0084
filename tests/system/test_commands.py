"""Launch lines as people write them: what is recognised in them, what is said of the rest, and where
the server is asked whether it is ready."""

import os
import subprocess
import sys
import unittest

from harness import (
    FAKE_SERVER,
    SOURCE_DIR,
    ScratchTest,
    free_port,
    has_command,
    has_fake_server,
    needs,
    read_records,
    read_rows,
    run,
    start,
    stop,
    write_checkpoint,
)

LISTENER = SOURCE_DIR / "tests" / "fakes" / "listener.py"

# Only runs what follows its first N words: for a wrapper that is not installed here.
SKIP = "#!/bin/sh\nshift {}\nexec \"$@\"\n"


@needs(has_fake_server())
class CommandTest(ScratchTest):
    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model", shards=1)
        self.out = self.scratch / "out"
        self.bin = self.scratch / "bin"
        self.bin.mkdir()
        self.env = {"PATH": f"{self.bin}:{os.environ['PATH']}"}
        # Like vLLM 0.24's console script: its interpreter knows the version, and serves.
        python = self.program("python-of-vllm", f"""#!/bin/sh
if [ "$1" = -c ]; then echo 0.24.0; exit; fi
shift; [ "$1" != serve ] || shift
model=$1; shift
exec {FAKE_SERVER} --model "$model" --read full $FAKE_ARGS "$@"
""")
        self.program("vllm", f"#!{python}\n")

    def program(self, name, text):
        path = self.bin / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return path

    def coldload(self, *words, env=None, timeout="60s"):
        return run(["measure", self.model, "--runs", 1, "--warm-runs", 0, "-w", 0, "--no-floor",
                    "--timeout", timeout, "--out", self.out, *words], env={**self.env, **(env or {})})

    def plan(self, *words, expect=0, env=None):
        result = self.coldload("--dry-run", *words, env=env)
        self.assertEqual(result.returncode, expect, result.stdout + result.stderr)
        return result.stdout + result.stderr

    def measure(self, *words, env=None):
        result = self.coldload(*words, env=env)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return read_records(self.out)[-1]

    def assert_run_sees_ready(self, *command, env=None):
        process = start(["run", self.model, "--", *command], env={**self.env, **(env or {})},
                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            self.assertTrue(any("ready after" in line for line in process.stderr))
        finally:
            stop(process)


class BeforeTheServer(CommandTest):
    address = ("test_variables_in_front_are_the_servers_own",)

    VLLM = ("vllm", "serve", "{model}", "--port", "{port}")

    def assert_pinned(self, *words):
        plan = self.plan("--", *words)
        self.assertIn("server   vllm", plan)
        self.assertIn("--safetensors-load-strategy lazy is added", plan)
        self.assertIn("asked at http://127.0.0.1:{port}/health", plan)

    def test_wrappers_are_looked_through(self):
        for wrapper in (["numactl", "-p", "1"], ["gosu", "model"], ["chrt", "-f", "50"],
                        ["ionice", "-c", "2", "-n", "7"], ["setpriv", "--reuid", "1000"]):
            with self.subTest(wrapper=wrapper):
                self.program(wrapper[0], SKIP.format(len(wrapper) - 1))
                self.assert_pinned(*wrapper, *self.VLLM)

    def test_a_profilers_values_are_no_programs(self):
        self.program("nsys", SKIP.format(0))
        plan = self.plan("--", "nsys", "profile", "-o", "r", "--capture-range=cudaProfilerApi",
                         "--capture-range-end", "repeat", *self.VLLM)
        self.assertIn("server   vllm behind nsys", plan)
        self.assertIn("cannot be told", plan)

    def test_variables_in_front_are_the_servers_own(self):
        record = self.measure("--", "CUDA_VISIBLE_DEVICES=0", "VLLM_USE_V1=1", *self.VLLM,
                              env={"FAKE_ARGS": "--print-environment"})
        self.assertEqual((record["status"], record["target"]), ("ok", "vllm"))
        log = (self.out / record["log"]).read_text(encoding="utf-8")
        self.assertIn("\nCUDA_VISIBLE_DEVICES=0\n", log)
        self.assertEqual(record["argv"][-2:], ["--safetensors-load-strategy", "lazy"])

    def test_a_wrapper_with_options_of_its_own_runs(self):
        self.program("uv", SKIP.format(3))
        record = self.measure("--", "uv", "run", "--package", "serving", *self.VLLM)
        self.assertEqual((record["status"], record["target"]), ("ok", "vllm"))

    def test_a_line_for_env_is_taken_apart(self):
        record = self.measure("--", "env", "-S", "CUDA_VISIBLE_DEVICES=0 " + " ".join(self.VLLM),
                              env={"FAKE_ARGS": "--print-environment"})
        self.assertEqual((record["status"], record["target"]), ("ok", "vllm"))
        log = (self.out / record["log"]).read_text(encoding="utf-8")
        self.assertIn("\nCUDA_VISIBLE_DEVICES=0\n", log)
        self.assertEqual(record["argv"][-2:], ["--safetensors-load-strategy", "lazy"])

    def test_launchers_of_ranks_are_looked_through(self):
        self.program("mpirun", SKIP.format(0))
        self.program("accelerate", SKIP.format(0))
        plan = self.plan("--", "mpirun", "-n", "1", "-x", "A=1", "--mca", "btl", "tcp", *self.VLLM)
        self.assertIn("server   vllm behind mpirun", plan)
        self.assertIn("what it starts on other machines is not seen", plan)
        plan = self.plan("--", "accelerate", "launch", "--num_processes", "1", "-m",
                         "vllm.entrypoints.openai.api_server", "--model", "{model}", "--port",
                         "{port}")
        self.assertIn("server   vllm behind accelerate", plan)

    def test_no_number_is_taken_from_a_wrapper(self):
        self.program("numactl", SKIP.format(2))
        self.program("llama-server", f"#!/bin/sh\nexec {FAKE_SERVER} --read full \"$@\"\n")
        self.assertIn("port is not known", self.plan("--", "numactl", "-p", "1", "vllm", "serve",
                                                     "{model}", expect=2))
        self.program("su", SKIP.format(0))
        self.assertIn("port is not known", self.plan("--", "su", "-p", "1", "vllm", "serve",
                                                     "{model}", expect=2))
        self.measure("--", "nice", "-n", "5", "llama-server", "--model", "{model}", "--port",
                     "{port}")
        self.assertEqual(read_rows(self.out)[-1]["max_model_len"], "")
        self.program("ionice", SKIP.format(2))
        self.measure("--", "ionice", "-c", "2", "llama-server", "--model", "{model}", "--port",
                     "{port}")
        self.assertEqual(read_rows(self.out)[-1]["max_model_len"], "")

    def test_a_shell_line_is_said_to_be_one(self):
        line = "exec vllm serve {model} --port {port}"
        plan = self.plan("--", "bash", "-c", line)
        self.assertIn("not one that coldload knows (bash)", plan)
        self.assertIn("shell line: the server in it is not recognised, nothing is pinned", plan)
        plan = self.plan("--server", "vllm", "--", "bash", "-c", line)
        self.assertIn("server   vllm", plan)
        self.assertIn("nothing is pinned: bash", plan)
        self.assertIn("Run coldload where the server runs instead",
                      self.plan("--", "bash", "-lc", "docker run image {model} {port}", expect=2))

    def test_a_server_behind_an_unknown_program_is_said(self):
        start = self.program("start", SKIP.format(0))
        self.assertIn('"vllm serve" is among the words of start', self.plan("--", start, *self.VLLM))


class Checks(CommandTest):
    address = ("test_a_program_that_is_not_there_is_an_error",)

    def test_a_program_that_is_not_there_is_an_error(self):
        words = ("{model}", "--port", "{port}")
        self.assertIn("no-such-server: it is in no folder of PATH",
                      self.plan("--", "no-such-server", *words, expect=2))
        self.assertIn("no-such-server", self.plan("--", "nice", "-n", "5", "no-such-server", *words,
                                                  expect=2))
        self.assertIn("may be executed", self.plan("--", self.model / "config.json", *words,
                                                   expect=2))
        result = self.coldload("--", "no-such-server", *words)
        self.assertEqual(result.returncode, 1)
        self.assertIn("it is in no folder of PATH", result.stderr)

    def test_a_flag_and_its_value_in_one_word_are_refused(self):
        said = self.plan("--", "vllm", "serve", "{model}", "--port {port}", expect=2)
        self.assertIn("one word", said)

    def test_what_only_a_shell_understands_is_refused(self):
        words = ("vllm", "serve", "{model}", "--port", "{port}")
        self.assertIn("a shell's word", self.plan("--", *words, ">", "log", expect=2))
        self.assertIn("one word with blanks", self.plan("--", "A=1 " + " ".join(words), expect=2))

    def test_a_url_that_is_not_the_chosen_ports_is_refused(self):
        said = self.plan("--ready-url", "http://127.0.0.1:8000/health", "--", "vllm", "serve",
                         "{model}", "--port", "{port}", expect=2)
        self.assertIn("{port} into the URL", said)

    def test_a_url_that_cannot_be_asked_is_refused(self):
        said = self.plan("--ready-url", "ftp://127.0.0.1:{port}/", "--", "vllm", "serve",
                         "{model}", "--port", "{port}", expect=2)
        self.assertIn("cannot use the ready URL", said)


class ConfigFiles(CommandTest):
    address = ("test_the_users_settings_in_a_file_stand",)

    def config(self, text):
        path = self.scratch / "serve.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def test_the_users_settings_in_a_file_stand(self):
        config = self.config("max-model-len: 8192\nsafetensors-load-strategy: prefetch\n")
        record = self.measure("--", "vllm", "serve", "{model}", "--config", config, "--port",
                              "{port}")
        self.assertNotIn("lazy", record["argv"])
        self.assertEqual(read_rows(self.out)[-1]["max_model_len"], "8192")

    def test_another_load_format_in_a_file_is_not_pinned(self):
        config = self.config("load-format: runai_streamer\n")
        self.assertNotIn("lazy", self.plan("--", "vllm", "serve", "{model}", "--config", config,
                                           "--port", "{port}"))

    def test_the_port_in_a_file_is_asked(self):
        port = free_port()
        config = self.config(f"port: {port}\n")
        record = self.measure("--", "vllm", "serve", "{model}", "--config", config,
                              env={"FAKE_ARGS": f"--port {port}"})
        self.assertEqual(record["status"], "ok")

    def test_run_asks_at_the_port_in_a_file(self):
        port = free_port()
        config = self.config(f"port: {port}\n")
        self.assert_run_sees_ready("vllm", "serve", "{model}", "--config", config,
                                   env={"FAKE_ARGS": f"--port {port}"})

    def test_a_file_that_may_be_ignored_is_refused(self):
        config = self.config("port: 6379\n")
        for port in ((), ("--port", "{port}")):
            said = self.plan("--", "vllm", "serve", "{model}", f"--config={config}", *port, expect=2)
            self.assertIn(f"write --config {config}", said)

    def test_a_file_that_is_none_is_refused_and_run_starts_all_the_same(self):
        config = self.config("port: [\n")
        command = ("--", "vllm", "serve", "{model}", "--config", config, "--port", "{port}")
        self.assertIn("as YAML", self.plan(*command, expect=2))
        result = run(["run", self.model, *command],
                     env={**self.env, "FAKE_ARGS": "--exit-after 1 --exit-code 9"})
        self.assertEqual(result.returncode, 9, result.stderr)
        self.assertIn("as YAML", result.stderr)


class Variables(CommandTest):
    def setUp(self):
        super().setUp()
        for name in ("llama-server", "text-generation-launcher"):
            self.program(name, f"#!/bin/sh\nexec {FAKE_SERVER} $FAKE_ARGS --read full --model \"$2\"\n")

    def test_a_server_is_asked_where_its_variables_say(self):
        for name, server in (("LLAMA_ARG_PORT", "llama-server"), ("PORT", "text-generation-launcher")):
            with self.subTest(server=server):
                port = free_port()
                record = self.measure("--", f"{name}={port}", server, "-m", "{model}",
                                      env={"FAKE_ARGS": f"--port {port}", "HOSTNAME": "abc"})
                self.assertEqual(record["status"], "ok")

    def test_a_flag_wins_over_a_variable(self):
        plan = self.plan("--", "llama-server", "-m", "{model}", "--port", "18082", "--host",
                         "127.0.0.3", env={"LLAMA_ARG_PORT": "18081", "LLAMA_ARG_HOST": "127.0.0.2"})
        self.assertIn("asked at http://127.0.0.3:18082/health", plan)


class Proxies(CommandTest):
    def test_a_server_is_asked_without_the_environments_proxy(self):
        proxies = {name: f"http://127.0.0.1:{free_port()}" for name in (
            "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")}
        record = self.measure("--", "vllm", "serve", "{model}", "--port", "{port}", env=proxies)
        self.assertEqual(record["status"], "ok", record["reason"])
        self.assert_run_sees_ready("vllm", "serve", "{model}", "--port", free_port(), env=proxies)


@needs(has_command("openssl"))
class Addresses(CommandTest):
    """Asked where the server really listens."""

    threads = ("test_a_server_that_speaks_tls",)

    def setUp(self):
        super().setUp()
        for name in ("vllm", "llama-server"):
            self.program(name, f"#!/bin/sh\nexec {sys.executable} {LISTENER} $FAKE_ARGS \"$@\"\n")

    def certificate(self):
        paths = (self.scratch / "cert.pem", self.scratch / "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=somewhere.else", "-out", paths[0], "-keyout", paths[1]],
                       check=True, capture_output=True)
        return paths

    def assert_ok(self, *words, listens):
        record = self.measure(*words, env={"FAKE_ARGS": " ".join(map(str, listens))})
        self.assertEqual(record["status"], "ok", record["reason"])

    def test_a_server_that_speaks_tls(self):
        cert, key = self.certificate()
        words = ("--", "vllm", "serve", "{model}", "--port", "{port}", "--ssl-certfile", cert,
                 "--ssl-keyfile", key)
        self.assert_ok(*words, listens=("--tls", cert, key))
        self.assert_ok("--ready-url", "https://localhost:{port}/health", *words,
                       listens=("--tls", cert, key))

    def test_run_sees_a_server_that_speaks_tls(self):
        cert, key = self.certificate()
        self.assert_run_sees_ready("vllm", "serve", "{model}", "--port", "{port}", "--ssl-certfile",
                                   cert, env={"FAKE_ARGS": f"--tls {cert} {key}"})

    def test_what_speaks_no_tls_is_not_ready(self):
        result = self.coldload("--", "vllm", "serve", "{model}", "--port", "{port}",
                               "--ssl-certfile", "c", timeout="8s")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no TLS that can be trusted", read_records(self.out)[-1]["reason"])

    def test_a_unix_socket_of_every_trial(self):
        socket = self.scratch / "s.sock"
        for _ in range(2):
            self.assert_ok("--", "vllm", "serve", "{model}", "--uds", socket,
                           listens=("--uds", socket))
            self.assertFalse(socket.exists())
        self.assert_ok("--", "llama-server", "-m", "{model}", "--host", socket,
                       listens=("--uds", socket))

    def test_a_unix_socket_that_another_listens_at(self):
        path = self.scratch / "s.sock"
        other = subprocess.Popen([sys.executable, LISTENER, "--uds", path], stdout=subprocess.PIPE,
                                 text=True)
        self.addCleanup(other.stdout.close)
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        self.assertIn("listening", other.stdout.readline())
        self.coldload("--", "vllm", "serve", "{model}", "--uds", path)
        record = read_records(self.out)[-1]
        self.assertEqual(record["status"], "failed")
        self.assertIn(f"another one listens at socket {path}", record["reason"])
        self.assertTrue(path.exists())

    def test_one_address_and_a_prefix(self):
        self.assert_ok("--", "vllm", "serve", "{model}", "--port", "{port}", "--host", "127.0.0.9",
                       listens=("--bind", "127.0.0.9"))
        self.assert_ok("--", "llama-server", "-m", "{model}", "--port", "{port}", "--api-prefix",
                       "/llm", listens=("--prefix", "/llm"))


if __name__ == "__main__":
    unittest.main()
