"""What examples/ shows is right: each command line runs with stubs in the servers' place, each manifest
and unit is held against the schema of who reads it."""

import json
import os
import re
import shutil
import subprocess

from harness import (COLDLOAD, SOURCE_DIR, Probe, ScratchTest, environment, has_command, needs,
                     plain_build, write_checkpoint)

EXAMPLES = SOURCE_DIR / "examples"
CHECKS = SOURCE_DIR / ".cache" / "examples" / "bin"
RESULTS = SOURCE_DIR / "days" / "day-009-storage-nvme-vs-network"
MANIFESTS = sorted(EXAMPLES.glob("kubernetes/*.yaml"))
SCRIPTS = sorted(EXAMPLES.glob("*.sh"))
WORKFLOW = EXAMPLES / "github-actions.yml"
UNIT = EXAMPLES / "coldload-stage.service"
NOTEBOOK = EXAMPLES / "read_results.py"


def has_checks():
    return Probe((CHECKS / "kubernetes-validate").exists(),
                 "no validators in .cache/examples: script/bootstrap brings them")


def has_pandas():
    return Probe(any((CHECKS.parent / "lib").glob("*/site-packages/pandas")),
                 "no pandas in .cache/examples: script/bootstrap brings it")


def checked(*command, **env):
    """The output of a command that must not fail."""
    result = subprocess.run([str(word) for word in command], text=True, capture_output=True, check=False,
                            stdin=subprocess.DEVNULL, timeout=60, env={**environment(), **env})
    if result.returncode != 0:
        raise AssertionError(f"{command}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout + result.stderr


def read_yaml(path):
    return json.loads(checked(CHECKS / "python", "-c",
                              "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))",
                              path))


def containers_of(manifest):
    pod = manifest["spec"]["template"]["spec"]
    return [*pod.get("initContainers", []), *pod["containers"]]


class Complete(ScratchTest):
    def test_every_example_is_known_to_these_tests_and_to_the_readme(self):
        known = {*MANIFESTS, *SCRIPTS, WORKFLOW, UNIT, NOTEBOOK, EXAMPLES / "list_tensors.cc"}
        there = {path for path in EXAMPLES.rglob("*") if path.is_file()}
        self.assertEqual(there - {EXAMPLES / "README.md", EXAMPLES / "CMakeLists.txt"}, known)
        readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
        for path in known:
            self.assertIn(f"({path.relative_to(EXAMPLES)})", readme)


@needs(plain_build())
class CommandLines(ScratchTest):
    """With a tiny model where each example has its own, and a `compare` that stops at its plan."""

    def setUp(self):
        super().setUp()
        self.mnt = self.scratch / "mnt"
        for disk in ("nvme", "efs"):
            models = self.mnt / disk / "models"
            write_checkpoint(models / "llama")
            shutil.copy(models / "llama" / "model.safetensors", models / "llama.gguf")
        self.calls = self.scratch / "calls"
        self.stub("coldload", f'echo "$1" >>{self.calls}\n'
                  'case $1 in compare) shift; set -- compare --dry-run "$@" ;; esac\n'
                  f'exec {COLDLOAD} "$@"')
        for server in ("vllm", "llama-server"):
            self.stub(server, "exit 0")

    def stub(self, name, body):
        path = self.scratch / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def placed(self, text):
        return text.replace("/mnt/", f"{self.mnt}/").replace("/usr/bin/coldload", "coldload")

    def runs(self, *words, calls, **env):
        """Runs a command line of an example; `calls`: what of coldload it must have called."""
        self.calls.write_text("")
        said = checked("env", "-C", self.scratch, *map(self.placed, words),
                       PATH=f"{self.scratch}/bin:{os.environ['PATH']}", **env)
        self.assertEqual(self.calls.read_text().split(), calls)
        return said

    def test_scripts_plan_a_cold_comparison_of_their_two_paths(self):
        for script in SCRIPTS:
            self.assertTrue(os.access(script, os.X_OK), script)
            plan = self.runs("bash", "-c", script.read_text(encoding="utf-8"), calls=["compare"])
            server = "llama-server" if "llama-server" in script.name else "vllm"
            self.assertIn(server, plan)
            self.assertIn(f"{self.mnt}/nvme/models/llama", plan)
            self.assertIn(f"{self.mnt}/efs/models/llama", plan)

    @needs(has_checks())
    def test_the_gate_measures_and_shows_the_report(self):
        shutil.copytree(RESULTS, self.scratch / "results")
        summary = self.scratch / "summary"
        steps = [step["run"] for step in read_yaml(WORKFLOW)["jobs"]["cold-start"]["steps"] if "run" in step]
        self.runs("bash", "-e", "-c", "\n".join(steps), calls=["compare", "report"],
                  GITHUB_STEP_SUMMARY=str(summary))
        self.assertIn("times as long as", summary.read_text(encoding="utf-8"))

    @needs(has_checks())
    def test_manifests_do_what_they_say(self):
        self.stub("sleep", "exit 1")  # ends the DaemonSet's loop
        wanted = {"compare-job.yaml": ["compare"], "stage-init-container.yaml": ["stage", "run"],
                  "warm-daemonset.yaml": ["cache"]}
        self.assertEqual(set(wanted), {path.name for path in MANIFESTS})
        shutil.rmtree(self.mnt / "nvme" / "models" / "llama")
        for path in reversed(MANIFESTS):  # a copy is needed that an init container makes
            if path.name == "warm-daemonset.yaml":
                write_checkpoint(self.mnt / "nvme" / "models" / "llama")
            containers = containers_of(read_yaml(path))
            for container, call in zip(containers, wanted[path.name]):
                self.runs(*container["command"], *container.get("args", []), calls=[call])
            if path.name == "warm-daemonset.yaml":
                shutil.rmtree(self.mnt / "nvme" / "models" / "llama")
        self.assertTrue((self.mnt / "nvme" / "models" / "llama.coldload.json").exists())

    def test_the_unit_stages_and_finds_it_done_the_next_time(self):
        (line,) = re.findall(r"^ExecStart=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
        shutil.rmtree(self.mnt / "nvme" / "models" / "llama")
        self.assertIn("copied in", self.runs(*line.split(), calls=["stage"]))
        self.assertIn("is up to date", self.runs(*line.split(), calls=["stage"]))


class Schemas(ScratchTest):
    @needs(has_checks())
    def test_kubernetes_takes_the_manifests(self):
        checked(CHECKS / "kubernetes-validate", "--strict", *MANIFESTS)

    @needs(has_checks())
    def test_what_a_container_mounts_is_a_volume_of_its_pod(self):
        for path in MANIFESTS:
            manifest = read_yaml(path)
            volumes = {volume["name"] for volume in manifest["spec"]["template"]["spec"]["volumes"]}
            mounted = {mount["name"] for container in containers_of(manifest)
                       for mount in container["volumeMounts"]}
            self.assertEqual(mounted, volumes, path.name)

    @needs(has_checks())
    def test_github_takes_the_workflow(self):
        checked(CHECKS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", WORKFLOW)

    @needs(has_command("systemd-analyze"))
    def test_systemd_takes_the_unit(self):
        unit = self.scratch / UNIT.name
        unit.write_text(UNIT.read_text(encoding="utf-8").replace("/usr/bin/coldload", COLDLOAD),
                        encoding="utf-8")
        said = checked("systemd-analyze", "verify", "--man=no", unit)
        self.assertNotIn(UNIT.name, said)

    @needs(Probe((CHECKS / "hadolint").exists(), "no hadolint in .cache/examples: script/bootstrap brings it"))
    def test_hadolint_finds_no_fault_with_the_dockerfile(self):
        checked(CHECKS / "hadolint", SOURCE_DIR / "docker" / "Dockerfile")


@needs(has_pandas())
class Notebook(ScratchTest):
    def test_reads_the_csv(self):
        said = checked(CHECKS / "python", "-W", "error", NOTEBOOK, RESULTS / "storage_layout_bench.csv")
        self.assertRegex(said, r"net +6\.0 +83\.49 +79\.24 +90\.93")
        self.assertRegex(said, r"nvme_warm +warm +2\n")
