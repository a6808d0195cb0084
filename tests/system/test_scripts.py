"""The repository's own commands, with stubs in the place of what would change the machine."""

import os
import shutil
import subprocess
import sys

from harness import (COLDLOAD, FAKE_SERVER, SOURCE_DIR, ScratchTest, can_evict, environment,
                     has_fake_server, has_fuse, is_root, needs, plain_build, read_rows,
                     write_checkpoint)

BOOTSTRAP = SOURCE_DIR / "script" / "bootstrap"
DAY = SOURCE_DIR / "days" / "day-009-storage-nvme-vs-network"
COMPARE = DAY / "compare_storage_paths.sh"
STAGE = DAY / "stage_model_to_nvme.sh"
EXPERIMENT = DAY / "experiment.sh"


class Stubbed(ScratchTest):
    """Programs in self.scratch/bin come before the real ones."""

    def stub(self, name, body):
        path = self.scratch / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def call(self, *command, **env):
        env = {**environment(), "PATH": f"{self.scratch}/bin:{os.environ['PATH']}", **{k: str(v) for k, v in env.items()}}
        return subprocess.run([str(word) for word in command], env=env, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)


class Bootstrap(Stubbed):
    def setUp(self):
        super().setUp()
        if sys.platform != "linux" or not os.path.exists("/usr/bin/dpkg-query"):
            self.skipTest("this distribution has no dpkg")
        self.log, self.pip_log = self.scratch / "log", self.scratch / "pip-log"
        self.stub("apt-get", f'echo "apt-get $*" >>{self.log}')
        # It keeps what is not Debian's below the checkout that it is in: one of the test's own.
        self.bootstrap = self.scratch / "checkout" / "script" / "bootstrap"
        self.bootstrap.parent.mkdir(parents=True)
        shutil.copy(BOOTSTRAP, self.bootstrap)
        self.moto = self.scratch / "checkout" / ".cache" / "moto"
        self.pip(f'echo "$*" >>{self.pip_log}')

    def pip(self, body):
        """What the pip of a new virtual environment does."""
        self.stub("pip", body)
        self.stub("python3", f'mkdir -p "$3/bin" && cp {self.scratch}/bin/pip "$3/bin/python"')

    def only_missing(self, package):
        # Answers that everything asked about is installed, but for one package.
        self.stub("dpkg-query", 'shift 3; for p in "$@"; do '
                  f'[ "$p" = {package} ] || echo "$p installed"; done')

    def test_does_nothing_where_all_is_there(self):
        self.only_missing("none")
        self.assertEqual(self.call(self.bootstrap).returncode, 0)
        installed = self.pip_log.read_text().splitlines()
        for package, line in zip(("moto[s3]==", "scikit-build-core==", "kubernetes-validate=="), installed,
                                 strict=True):
            self.assertIn(package, line)
        result = self.call(self.bootstrap)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
        self.assertFalse(self.log.exists())
        self.assertEqual(self.pip_log.read_text().splitlines(), installed)

    def test_what_pypi_has_may_be_missing_and_is_tried_again(self):
        self.only_missing("none")
        self.pip("echo 'WARNING: Retrying'; echo 'ERROR: no network' >&2; exit 1")
        for _ in range(2):
            result = self.call(self.bootstrap)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("script/bootstrap: without moto some tests are skipped: ERROR: no network",
                          result.stderr.splitlines())
            self.assertFalse((self.moto / "installed").exists())
        self.pip("exit 0")
        self.call(self.bootstrap)
        self.assertTrue((self.moto / "installed").exists())

    def test_root_installs_what_is_missing_and_nothing_else(self):
        self.only_missing("ninja-build")
        self.stub("id", "echo 0")
        result = self.call(self.bootstrap)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.log.read_text().splitlines(), [
            "apt-get -q update",
            "apt-get -q install -y --no-install-recommends ninja-build"])

    def test_without_root_and_sudo_names_the_packages_and_the_command(self):
        self.only_missing("shellcheck")
        self.stub("id", "echo 1000")
        self.stub("sudo", "exit 1")
        result = self.call(self.bootstrap)
        self.assertEqual(result.returncode, 1)
        self.assertIn("apt-get install -y --no-install-recommends shellcheck", result.stderr)
        self.assertFalse(self.log.exists())

    def test_what_only_some_tests_want_may_be_missing(self):
        self.only_missing("sshfs")
        self.stub("id", "echo 1000")
        self.stub("sudo", "exit 1")
        result = self.call(self.bootstrap)
        self.assertEqual(result.returncode, 0)
        self.assertIn("without sshfs some tests are skipped", result.stderr)
        self.stub("id", "echo 0")
        self.stub("apt-get", "exit 100")
        result = self.call(self.bootstrap)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("without sshfs some tests are skipped", result.stderr)

    def test_a_build_alone_needs_no_lint_tools(self):
        self.only_missing("shellcheck")
        self.stub("id", "echo 1000")
        self.stub("sudo", "exit 1")
        self.assertEqual(self.call(self.bootstrap, "--build-only").returncode, 0)
        self.assertFalse(self.moto.exists())

    def test_packaging_needs_its_tools_alone(self):
        self.only_missing("shellcheck")
        self.assertEqual(self.call(self.bootstrap, "--package").returncode, 0)
        (installed,) = self.pip_log.read_text().splitlines()
        self.assertIn("auditwheel==", installed)
        self.pip("echo 'ERROR: no network' >&2; exit 1")
        shutil.rmtree(self.moto.parent)
        result = self.call(self.bootstrap, "--package")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("without package no wheel is built: ERROR: no network", result.stderr)


class ComparePaths(Stubbed):
    def arguments(self, *flags, **env):
        self.stub("fake-coldload", 'echo "OUT=$OUT"; for word in "$@"; do echo "$word"; done')
        result = self.call(COMPARE, *flags, COLDLOAD=self.scratch / "bin" / "fake-coldload", **env)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.splitlines()

    def test_results_go_beside_the_script_unless_told(self):
        self.assertEqual(self.arguments(), [f"OUT={COMPARE.parent}", "compare"])
        self.assertEqual(self.arguments(OUT="/x")[0], "OUT=/x")

    def test_flags_server_and_stand_in_are_passed_on_word_by_word(self):
        words = self.arguments("--note", "a b", "--", "vllm", "serve", "{model}",
                               STAND_IN_NET="250MB/s,1ms")
        self.assertEqual(words[1:], ["compare", "--stand-in", "net=250MB/s,1ms", "--note", "a b",
                                     "--", "vllm", "serve", "{model}"])

    @needs(can_evict())
    def test_measures_two_directories_with_the_real_program(self):
        model = write_checkpoint(self.scratch / "model", shards=2)
        other = write_checkpoint(self.scratch / "other", shards=2)
        out = self.scratch / "out"
        result = self.call(COMPARE, "--model-name", "tiny", COLDLOAD=COLDLOAD, OUT=str(out),
                           MODEL_PATH_NVME=str(model), MODEL_PATH_NET=str(other), RUNS="1")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        modes = {row["storage_mode"] for row in read_rows(out)}
        self.assertLessEqual({"nvme", "net"}, modes)


class Experiment(Stubbed):
    @needs(is_root(), has_fuse(), can_evict(), has_fake_server(), plain_build())
    def test_goes_from_nothing_to_report_and_leaves_nothing_else(self):
        disk, out = self.scratch / "disk", self.scratch / "out"
        disk.mkdir()
        result = self.call(EXPERIMENT, "--", FAKE_SERVER, "--port", "{port}", "--model", "{model}",
                           "--read", "full", "--enforce-eager", COLDLOAD=COLDLOAD, DISK=disk, OUT=out, SIZE="8MB",
                           STAND_IN_NET="200MB/s,1ms", TMPDIR=self.scratch)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        modes = [row["storage_mode"] for row in read_rows(out)]
        for mode, trials in {"nvme": 7, "net": 7, "nvme_warm": 3, "net_warm": 3, "net_prefetch": 3,
                             "staged": 2, "staged_after_copy": 2,
                             "nvme_compile_first": 2, "nvme_compiled": 2}.items():
            self.assertEqual(modes.count(mode), trials, mode)
        self.assertIn("## To take away",
                      (out / "storage_layout_recommendation.md").read_text(encoding="utf-8"))
        self.assertEqual([path.name for path in disk.iterdir()], ["random-llama-8MB"])
        self.assertEqual({path.name for path in self.scratch.iterdir()}, {"disk", "out"})
        again = self.call(EXPERIMENT, COLDLOAD=COLDLOAD, DISK=disk, OUT=out)
        self.assertEqual(again.returncode, 1)
        self.assertIn("is there already", again.stderr)


class StageModel(Stubbed):
    @needs(can_evict())
    def test_stages_once_and_appends_staged_rows(self):
        source = self.scratch / "net" / "model"
        source.parent.mkdir()
        write_checkpoint(source)
        fast = self.scratch / "fast"
        fast.mkdir()
        out = self.scratch / "out"
        for told in ("copied in", "is up to date"):
            result = self.call(STAGE, "--no-floor", COLDLOAD=COLDLOAD, MODEL_PATH_NET=source,
                               STAGING_ROOT=fast, RUNS=1, OUT=out)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn(told, result.stderr)
        rows = read_rows(out)
        self.assertEqual([row["storage_mode"] for row in rows], ["staged", "staged"])
        self.assertTrue(all(row["load_s"] for row in rows))
        self.assertEqual(sorted(p.name for p in fast.iterdir()), ["model", "model.coldload.json"])

    def test_a_copy_that_fails_measures_nothing(self):
        out = self.scratch / "out"
        result = self.call(STAGE, COLDLOAD=COLDLOAD, MODEL_PATH_NET=self.scratch / "missing",
                           STAGING_ROOT=self.scratch, OUT=out)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertFalse(out.exists())

    def test_says_which_variable_is_missing(self):
        result = self.call(STAGE, COLDLOAD=COLDLOAD, MODEL_PATH_NET="/x", STAGING_ROOT="")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("STAGING_ROOT", result.stderr)
