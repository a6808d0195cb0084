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
