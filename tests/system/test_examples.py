"""What examples/ shows is right: each command line runs with stubs in the servers' place, each manifest
and unit is held against the schema of who reads it."""

import json
import os
import re
import shutil
import subprocess

from harness import (COLDLOAD, FAKE_SERVER, MARKDOWN_NAME, SOURCE_DIR, Probe, ScratchTest, can_evict,
                     environment, has_command, has_fake_server, needs, plain_build, read_records,
                     write_checkpoint)
from mpi import COLDLOAD_MPI, MPIRUN, has_mpi, is_open_mpi

EXAMPLES = SOURCE_DIR / "examples"
CHECKS = SOURCE_DIR / ".cache" / "examples" / "bin"
RESULTS = SOURCE_DIR / "days" / "day-009-storage-nvme-vs-network"
HERD_JOB = EXAMPLES / "kubernetes" / "herd-mpijob.yaml"
HERD_HOSTS = EXAMPLES / "herd-hosts.sh"
HERD_BATCH = EXAMPLES / "herd.sbatch"
HERDS = {HERD_JOB, HERD_HOSTS, HERD_BATCH}
MANIFESTS = sorted({*EXAMPLES.glob("kubernetes/*.yaml")} - HERDS)
SCRIPTS = sorted({*EXAMPLES.glob("*.sh")} - HERDS)
WORKFLOW = EXAMPLES / "github-actions.yml"
UNIT = EXAMPLES / "coldload-stage.service"
NOTEBOOK = EXAMPLES / "read_results.py"
MPI_JOB_SCHEMA = SOURCE_DIR / "tests" / "system" / "mpijob.schema.json"


def has_checks():
    return Probe((CHECKS / "kubernetes-validate").exists(),
                 "no validators in .cache/examples: script/bootstrap brings them")


def has_pandas():
    return Probe(any((CHECKS.parent / "lib").glob("*/site-packages/pandas")),
                 "no pandas in .cache/examples: script/bootstrap brings it")


def checked(*command, timeout_s=60, **env):
    """The output of a command that must not fail."""
    result = subprocess.run([str(word) for word in command], text=True, capture_output=True, check=False,
                            stdin=subprocess.DEVNULL, timeout=timeout_s, env={**environment(), **env})
    if result.returncode != 0:
        raise AssertionError(f"{command}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout + result.stderr


def read_yaml(path):
    return json.loads(checked(CHECKS / "python", "-c",
                              "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))",
                              path))


def templates_of(manifest):
    """Of its pods; an MPIJob has two."""
    replicas = manifest["spec"].get("mpiReplicaSpecs", {"": manifest["spec"]})
    return [each["template"] for each in replicas.values()]


def containers_of(template):
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]


class Complete(ScratchTest):
    def test_every_example_is_known_to_these_tests_and_to_the_readme(self):
        known = {*MANIFESTS, *SCRIPTS, *HERDS, WORKFLOW, UNIT, NOTEBOOK, EXAMPLES / "list_tensors.cc",
                 EXAMPLES / "load_tensors.c"}  # test_library compiles and runs it
        there = {path for path in EXAMPLES.rglob("*") if path.is_file()}
        self.assertEqual(there - {EXAMPLES / "README.md", EXAMPLES / "CMakeLists.txt"}, known)
        readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
        for path in known:
            self.assertIn(f"({path.relative_to(EXAMPLES)})", readme)


class _Stubbed(ScratchTest):
    """Programs in self.scratch/bin come before the real ones."""

    def setUp(self):
        super().setUp()
        self.path = f"{self.scratch}/bin:{os.environ['PATH']}"

    def stub(self, name, body):
        path = self.scratch / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)


@needs(plain_build())
class CommandLines(_Stubbed):
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

    def placed(self, text):
        return text.replace("/mnt/", f"{self.mnt}/").replace("/usr/bin/coldload", "coldload")

    def runs(self, *words, calls, **env):
        """Runs a command line of an example; `calls`: what of coldload it must have called."""
        self.calls.write_text("")
        said = checked("env", "-C", self.scratch, *map(self.placed, words),
                       PATH=self.path, **env)
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
            (template,) = templates_of(read_yaml(path))
            for container, call in zip(containers_of(template), wanted[path.name]):
                self.runs(*container["command"], *container.get("args", []), calls=[call])
            if path.name == "warm-daemonset.yaml":
                shutil.rmtree(self.mnt / "nvme" / "models" / "llama")
        self.assertTrue((self.mnt / "nvme" / "models" / "llama.coldload.json").exists())

    def test_the_unit_stages_and_finds_it_done_the_next_time(self):
        (line,) = re.findall(r"^ExecStart=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
        shutil.rmtree(self.mnt / "nvme" / "models" / "llama")
        self.assertIn("copied in", self.runs(*line.split(), calls=["stage"]))
        self.assertIn("is up to date", self.runs(*line.split(), calls=["stage"]))


class Hosts(_Stubbed):
    """What herd-hosts.sh makes of its words, with a stub in mpirun's place."""

    def setUp(self):
        super().setUp()
        self.stub("mpirun", 'echo "mpirun $*"')
        self.hosts = self.scratch / "hosts"

    def call(self, hosts, *words):
        self.hosts.write_text(hosts, encoding="utf-8")
        return subprocess.run([HERD_HOSTS, *words], text=True, capture_output=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=60, env={**environment(), "PATH": self.path})

    def test_doubles_the_size_until_all_hosts_start(self):
        for nodes, sizes in ((1, "1"), (2, "1,2"), (6, "1,2,4,6"), (8, "1,2,4,8")):
            done = self.call("# mine\n\n" + "".join(f"node{i} slots=1\n" for i in range(nodes)),
                             self.hosts, "/m", "results", "vllm", "serve", "{model}")
            self.assertEqual(done.stdout, f"mpirun --hostfile {self.hosts} -n {nodes} coldload-mpi --path net=/m "
                             f"--sizes {sizes} --runs 6 --out results -- vllm serve {{model}}\n", done.stderr)
        self.assertIn("--out results\n", self.call("node slots=1", self.hosts, "/m", "results").stdout)

    def test_says_how_it_is_used_and_what_a_hostfile_lacks(self):
        for hosts, words, said in (("", [], "herd-hosts.sh HOSTFILE PATH OUT [SERVER ...]"),
                                   ("a slots=1\nb\n", [self.hosts, "/m", "o"], f"{self.hosts}: b has no slots=1\n"),
                                   ("# none\n", [self.hosts, "/m", "o"], f"{self.hosts}: no hosts\n")):
            done = self.call(hosts, *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(said, done.stderr)


@needs(has_mpi(), can_evict(), has_fake_server())
class Herds(_Stubbed):
    """They make a herd: of two ranks in the place of eight nodes, with one run of each size. Each rank
    has a checkpoint of its own, and so a page cache, as nodes have."""
    timeout_s = 240

    def setUp(self):
        super().setUp()
        self.mnt = self.scratch / "mnt"
        for rank in range(2):
            write_checkpoint(self.mnt / "efs" / "models" / f"llama{rank}")
        self.stub("coldload-mpi", f'exec {COLDLOAD_MPI} "$@"')
        self.stub("vllm", f'shift; model=$1; shift; exec {FAKE_SERVER} --model "$model" --read full "$@"')

    def small(self, text):
        for pattern, here in (("/mnt/efs/models/llama", f"{self.mnt}/efs/models/llama{{rank}}"),
                              ("(--sizes[= ])1,2,4,8", r"\g<1>1,2"), ("(--runs[= ])6", r"\g<1>1")):
            text, found = re.subn(pattern, here, text)
            self.assertEqual(found, 1, pattern)
        return text.replace("/mnt/results", f"{self.mnt}/results")

    def runs(self, *words, **env):
        return checked("env", "-C", self.scratch, *words, timeout_s=self.timeout_s - 60, PATH=self.path, **env)

    def assert_is_herd(self, out, target):
        records = read_records(out)
        self.assertEqual(sorted((record["storage_mode"], record["status"], record["cold"], record["target"])
                                for record in records),
                         [(f"net_herd{size}", "ok", "verified", target) for size in (1, 2, 2)],
                         [record["reason"] for record in records])
        self.assertIn("## Several nodes at once", (out / MARKDOWN_NAME).read_text(encoding="utf-8"))

    @needs(is_open_mpi())
    def test_hosts_of_a_file_start_at_once(self):
        """All of them this machine, for which Open MPI needs no ssh."""
        hosts = self.scratch / "hosts"
        hosts.write_text("localhost slots=2\n", encoding="utf-8")
        # What --allow-run-as-root and --oversubscribe say, which are not the script's.
        self.runs(HERD_HOSTS, hosts, f"{self.mnt}/efs/models/llama{{rank}}", "results", RUNS="1",
                  OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                  OMPI_MCA_mpi_yield_when_idle="1")
        self.assert_is_herd(self.scratch / "results", "native")

    def test_tasks_of_a_batch_start_at_once(self):
        """With an mpirun in srun's place; what its flags do there is Slurm's."""
        text = HERD_BATCH.read_text(encoding="utf-8")
        set_up = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", text, re.MULTILINE))
        (sizes,) = re.findall(r"--sizes (\S+)", text)
        self.assertEqual(set_up["nodes"], sizes.split(",")[-1])
        self.assertEqual(set_up["ntasks-per-node"], "1")
        self.stub("srun", 'while [ "${1#--}" != "$1" ]; do shift; done\n'
                  f'exec {" ".join(MPIRUN)} -n 2 "$@"')
        self.runs("bash", "-c", self.small(text), SLURM_JOB_ID="7")
        self.assert_is_herd(self.scratch / "coldload-herd-7", "vllm")

    @needs(is_open_mpi(), has_checks())
    def test_workers_of_an_mpijob_start_at_once(self):
        """With the hostfile and the variables that the operator gives the launcher, and a shell in ssh's
        place. Each worker has temporary files of its own, as pods have: two of Open MPI's daemons that
        make the same directory fail now and then."""
        launcher, _ = templates_of(json.loads(self.small(json.dumps(read_yaml(HERD_JOB)))))
        (mpirun,) = containers_of(launcher)
        self.stub("ssh", 'while [ "${1#-}" != "$1" ]; do [ "$1" != -o ] || shift; shift; done\n'
                  f'echo "$1" >>{self.scratch}/called; export TMPDIR={self.scratch}/"$1"; mkdir "$TMPDIR"\n'
                  'shift; exec sh -c "$*"')
        hosts = self.scratch / "hostfile"
        hosts.write_text("".join(f"coldload-herd-worker-{i}.coldload-herd.default.svc slots=1\n" for i in range(2)),
                         encoding="utf-8")
        command = ["2" if word == "8" else word for word in mpirun["command"]]
        self.runs(*command, *mpirun["args"], OMPI_MCA_orte_keep_fqdn_hostnames="true",
                  OMPI_MCA_orte_default_hostfile=str(hosts), OMPI_MCA_plm_rsh_args="-o ConnectionAttempts=10",
                  OMPI_MCA_orte_set_default_slots="1")
        self.assertEqual(sorted((self.scratch / "called").read_text(encoding="utf-8").split()),
                         hosts.read_text(encoding="utf-8").split()[::2])
        self.assert_is_herd(self.mnt / "results", "vllm")


class Schemas(ScratchTest):
    @needs(has_checks())
    def test_kubernetes_takes_the_manifests(self):
        checked(CHECKS / "kubernetes-validate", "--strict", *MANIFESTS)
        for number, template in enumerate(templates_of(read_yaml(HERD_JOB))):
            pods = self.scratch / f"pods{number}.json"
            pods.write_text(json.dumps({"apiVersion": "v1", "kind": "PodTemplate",
                                        "metadata": {"name": "pods"}, "template": template}), encoding="utf-8")
            checked(CHECKS / "kubernetes-validate", "--strict", pods)

    @needs(has_checks())
    def test_the_mpi_operator_takes_the_mpijob(self):
        checked(CHECKS / "check-jsonschema", "--schemafile", MPI_JOB_SCHEMA, HERD_JOB)

    @needs(has_checks())
    def test_an_mpijob_has_a_rank_on_each_node_and_the_model_is_read_only(self):
        replicas = read_yaml(HERD_JOB)["spec"]["mpiReplicaSpecs"]
        (mpirun,) = containers_of(replicas["Launcher"]["template"])
        words = [*mpirun["command"], *mpirun["args"]]
        (sizes,) = [word for word in words if word.startswith("--sizes=")]
        nodes = replicas["Worker"]["replicas"]
        self.assertEqual({words[words.index("-n") + 1], sizes.split(",")[-1]}, {str(nodes)})
        worker = replicas["Worker"]["template"]
        (apart,) = worker["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        self.assertEqual(apart, {"labelSelector": {"matchLabels": worker["metadata"]["labels"]},
                                 "topologyKey": "kubernetes.io/hostname"})
        (node,) = containers_of(worker)
        self.assertEqual(node["image"], mpirun["image"])
        (path,) = [word.split("=")[2] for word in words if word.startswith("--path=")]
        (mount,) = [mount for mount in node["volumeMounts"] if path.startswith(mount["mountPath"] + "/")]
        self.assertIs(mount["readOnly"], True)

    @needs(has_checks())
    def test_what_a_container_mounts_is_a_volume_of_its_pod(self):
        for path in (*MANIFESTS, HERD_JOB):
            for template in templates_of(read_yaml(path)):
                volumes = {volume["name"] for volume in template["spec"].get("volumes", [])}
                mounted = {mount["name"] for container in containers_of(template)
                           for mount in container.get("volumeMounts", [])}
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
    def test_hadolint_finds_no_fault_with_the_dockerfiles(self):
        checked(CHECKS / "hadolint", *(SOURCE_DIR / "docker").iterdir())


@needs(has_pandas())
class Notebook(ScratchTest):
    def test_reads_the_csv(self):
        said = checked(CHECKS / "python", "-W", "error", NOTEBOOK, RESULTS / "storage_layout_bench.csv")
        self.assertRegex(said, r"net +6\.0 +83\.49 +79\.24 +90\.93")
        self.assertRegex(said, r"nvme_warm +warm +2\n")
