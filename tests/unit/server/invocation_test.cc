#include "server/invocation.h"

#include <gtest/gtest.h>

#include "server/server_kind.h"

namespace coldload::server {
namespace {

using Argv = std::vector<std::string>;

std::string kind(const Argv& argv) { return std::string(recognise(look_through(argv)).name); }

TEST(Recognise, KnowsEveryServerByItsOwnName) {
  EXPECT_EQ(kind({"vllm", "serve", "{model}"}), "vllm");
  EXPECT_EQ(kind({"/opt/venv/bin/vllm", "serve", "{model}"}), "vllm");
  EXPECT_EQ(kind({"sglang", "serve", "--model-path", "{model}"}), "sglang");
  EXPECT_EQ(kind({"./llama-server", "-m", "{model}"}), "llama-server");
  EXPECT_EQ(kind({"text-generation-launcher", "--model-id", "{model}"}), "tgi");
  EXPECT_EQ(kind({"transformers", "serve", "{model}"}), "transformers");
}

TEST(Recognise, LooksIntoPython) {
  EXPECT_EQ(kind({"python3", "-m", "vllm.entrypoints.openai.api_server", "--model", "{model}"}),
            "vllm");
  EXPECT_EQ(kind({"python3.12", "-u", "-m", "vllm.entrypoints.cli.main", "serve", "{model}"}),
            "vllm");
  EXPECT_EQ(kind({"/usr/bin/python", "-m", "sglang.launch_server", "--model-path", "{model}"}),
            "sglang");
  EXPECT_EQ(kind({"python3", "-c", "from transformers.cli.transformers import main; main()",
                  "serve", "{model}"}),
            "transformers");
  EXPECT_EQ(kind({"python3", "-X", "dev", "x/vllm/entrypoints/api_server.py", "{model}"}), "vllm");
}

TEST(Recognise, LooksBehindWrappers) {
  EXPECT_EQ(kind({"env", "-u", "HTTP_PROXY", "A=1", "B=vllm", "vllm", "serve", "{model}"}), "vllm");
  EXPECT_EQ(kind({"numactl", "-N", "0", "--membind=0", "vllm", "serve", "{model}"}), "vllm");
  EXPECT_EQ(kind({"uv", "run", "--with", "vllm", "vllm", "serve", "{model}"}), "vllm");
  EXPECT_EQ(kind({"uv", "run", "--", "python", "-m", "sglang.launch_server"}), "sglang");
  EXPECT_EQ(kind({"/opt/coldload", "run", "--port", "8000", "/models/M", "--", "vllm", "serve",
                  "{model}"}),
            "vllm");
  EXPECT_EQ(kind({"conda", "run", "-n", "llm", "vllm", "serve", "{model}"}), "vllm");
  EXPECT_EQ(kind({"taskset", "0xff", "nice", "-n", "5", "timeout", "-k", "5", "1h", "vllm", "serve",
                  "{model}"}),
            "vllm");
  EXPECT_EQ(kind({"sudo", "-u", "llm", "env", "A=1", "llama-server", "-m", "{model}"}),
            "llama-server");
}

TEST(Recognise, LooksBehindWhatTakesValuesAsWordsOfTheirOwn) {
  const std::vector<Argv> wrappers{
      {"numactl", "-p", "1"},
      {"ionice", "-c", "2", "-n", "7"},
      {"chrt", "-f", "50"},
      {"uv", "run", "--package", "serving", "--isolated", "--index", "https://x.invalid/whl"},
      {"gosu", "model"},
      {"su-exec", "model:model"},
      {"setpriv", "--reuid", "1000", "--clear-groups", "--no-new-privs"},
      {"apptainer", "exec", "--nv", "-B", "/models", "vllm.sif"},
      {"singularity", "exec", "--bind=/models", "vllm.sif"},
      {"micromamba", "run", "-n", "llm"},
      {"ray", "symmetric-run", "--address", "127.0.0.1:6379", "--min-nodes", "1", "--"},
      {"chroot", "/srv"},
      {"flock", "-n", "/run/lock"},
      {"ddtrace-run"},
      {"opentelemetry-instrument", "--traces_exporter", "console"},
      {"newrelic-admin", "run-program"},
      {"runuser", "-u", "vllm", "--"},
      {"mpirun", "-n", "1", "--allow-run-as-root", "-x", "A=1", "--mca", "btl", "tcp,self",
       "--bind-to", "none"},
      {"mpiexec.hydra", "-np", "1", "-genv", "A", "vllm", "-hosts", "localhost"},
      {"accelerate", "launch", "--multi_gpu", "--num_processes", "2", "--no_python"},
      {"nsys", "profile", "-o", "r", "--trace-fork-before-exec=true", "--capture-range-end",
       "repeat"},
      {"nsys", "profile", "-s", "none", "-t", "nvtx,cuda", "--wait", "all", "--force-overwrite",
       "true"}};
  for (const Argv& wrapper : wrappers) {
    Argv argv = wrapper;
    argv.insert(argv.end(), {"vllm", "serve", "{model}"});
    const Invocation invocation = look_through(argv);
    EXPECT_EQ(recognise(invocation).name, "vllm") << wrapper.front();
    EXPECT_EQ(invocation.at, wrapper.size()) << wrapper.front();
    EXPECT_EQ(invocation.wrappers, Argv{wrapper.front()});
  }
}

TEST(Recognise, NeverTakesAnOptionsValueForTheProgram) {
  const Argv argv{"nsys", "profile", "-s", "none", "--wait", "all", "./serve.sh", "{model}"};
  EXPECT_EQ(look_through(argv).program, "serve.sh");
}

TEST(Recognise, SearchesFurtherRightBehindAnOptionThatItDoesNotKnow) {
  const Invocation invocation =
      look_through({"uv", "run", "--new-option", "vllm", "vllm", "serve", "{model}"});
  EXPECT_EQ(recognise(invocation).name, "vllm");
  EXPECT_EQ(invocation.at, 4U);
  EXPECT_EQ(kind({"uv", "run", "--new-option", "x", "./start.sh", "{model}"}), "generic");
}

TEST(Recognise, KnowsModulesThatLaunchersRun) {
  EXPECT_EQ(kind({"uv", "run", "-m", "vllm.entrypoints.openai.api_server"}), "vllm");
  EXPECT_EQ(kind({"torchrun", "--nproc-per-node", "2", "--standalone", "-m",
                  "vllm.entrypoints.openai.api_server", "--model", "{model}"}),
            "vllm");
  EXPECT_EQ(kind({"torchrun", "--nproc-per-node", "2", "train.py", "-m", "vllm.entrypoints.x"}),
            "generic");
}

TEST(Recognise, KnowsScriptsThatLaunchersAndPythonRun) {
  const std::string script = "/opt/vllm/entrypoints/openai/api_server.py";
  EXPECT_EQ(kind({"torchrun", "--nproc-per-node", "2", script, "--model", "{model}"}), "vllm");
  EXPECT_EQ(kind({"accelerate", "launch", "--num_processes=2", script, "--model", "{model}"}),
            "vllm");
  EXPECT_EQ(kind({"accelerate", "launch", "--mixed_precision", "bf16", "--new-flag", "-m",
                  "sglang.launch_server"}),
            "sglang");
  EXPECT_EQ(kind({"accelerate", "test", script}), "generic");
  EXPECT_EQ(kind({"python3", "/opt/venv/bin/vllm", "serve", "{model}"}), "vllm");
  EXPECT_EQ(kind({"python3", "-m", "vllm", "serve", "{model}"}), "vllm");
  EXPECT_EQ(kind({"accelerate", "launch", "/opt/venv/bin/vllm", "serve", "{model}"}), "vllm");
}

TEST(LookThrough, LeavesAShellLineToTheShell) {
  const Argv argv{"bash", "-lc", "exec vllm serve {model} --port 8000"};
  const Invocation invocation = look_through(argv);
  EXPECT_EQ(kind(argv), "generic");
  EXPECT_EQ(invocation.shell_line, argv.back());
  EXPECT_TRUE(invocation.arguments.empty());
  EXPECT_EQ(look_through({"sh", "start.sh", "-c", "x"}).shell_line, "");
}

TEST(LookThrough, NamesWhatRunsElsewhereInAShellLine) {
  EXPECT_EQ(look_through({"bash", "-lc", "A=1 exec docker run --rm image"}).outsider, "docker");
  EXPECT_EQ(look_through({"bash", "-c", "docker rm -f old; vllm serve m"}).outsider, "");
}

TEST(LookThrough, KnowsTheVariablesThatAWrapperSets) {
  const Invocation invocation =
      look_through({"env", "-u", "X", "A=1", "nice", "env", "B=", "llama-server"});
  const std::vector<std::pair<std::string, std::string>> expected{{"A", "1"}, {"B", ""}};
  EXPECT_EQ(invocation.variables, expected);
  EXPECT_EQ(look_through({"mpirun", "-x", "PATH", "-x", "A=1", "vllm"}).variables,
            (decltype(expected){{"A", "1"}}));
}

TEST(LookThrough, SeesAServerAmongTheWordsOfWhatItDoesNotKnow) {
  const auto hidden = [](const Argv& argv) {
    const auto found = hidden_server(argv, look_through(argv));
    return found ? found->command : "";
  };
  EXPECT_EQ(hidden({"./start.sh", "-v", "vllm", "serve", "{model}"}), "vllm serve");
  EXPECT_EQ(hidden({"./start.sh", "--model", "{model}"}), "");
  EXPECT_EQ(hidden({"su", "llm", "-c", "cd / && exec vllm serve {model}"}), "vllm serve");
  EXPECT_EQ(hidden({"./start.sh", "--model", "/m/my vllm"}), "");
}

TEST(Recognise, TakesNothingElseForAServer) {
  EXPECT_EQ(kind({"vllm", "bench", "{model}"}), "generic");
  EXPECT_EQ(kind({"python3", "serve.py", "--model", "{model}"}), "generic");
  EXPECT_EQ(kind({"python3", "-m", "http.server", "{model}"}), "generic");
  EXPECT_EQ(kind({"./start.sh", "vllm", "serve", "{model}"}), "generic");
  EXPECT_EQ(kind({"uv", "pip", "install", "vllm"}), "generic");
  EXPECT_EQ(kind({"env"}), "generic");
  EXPECT_EQ(kind({}), "generic");
}

TEST(LookThrough, NamesWhatRunsElsewhere) {
  for (const char* const name : {"docker", "podman", "srun", "kubectl", "systemd-run", "ssh"}) {
    EXPECT_EQ(look_through({name, "run", "image", "vllm", "serve"}).outsider, name);
  }
  EXPECT_EQ(look_through({"sudo", "/usr/bin/docker", "run", "image"}).outsider, "docker");
  EXPECT_EQ(look_through({"env", "A=1", "srun", "vllm"}).outsider, "srun");
  EXPECT_EQ(look_through({"vllm", "serve", "docker"}).outsider, "");
}

TEST(LookThrough, TellsWhereTheProgramIs) {
  const Invocation invocation = look_through({"env", "A=1", "vllm", "serve", "{model}"});
  EXPECT_EQ(invocation.at, 2U);
  EXPECT_EQ(invocation.program, "vllm");
  EXPECT_EQ(invocation.arguments, (Argv{"serve", "{model}"}));
}

TEST(FlagValue, ReadsBothSpellings) {
  const Argv argv{"--load-format", "dummy", "--served_model_name=m", "--load_format=auto"};
  EXPECT_EQ(flag_value(argv, {"--load-format"}), "auto");
  EXPECT_EQ(flag_value(argv, {"--served-model-name"}), "m");
  EXPECT_FALSE(flag_value(argv, {"--load"}));
  EXPECT_FALSE(flag_value({"--load-format"}, {"--load-format"}));
  EXPECT_TRUE(has_flag(argv, {"--served-model-name"}));
  EXPECT_FALSE(has_flag(argv, {"--x"}));
}

}  // namespace
}  // namespace coldload::server
