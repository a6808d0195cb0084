#include "server/server_kind.h"

#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>

#include "server/argv.h"

namespace coldload::server {
namespace {

using Argv = std::vector<std::string>;

std::string value_in(const Environment& environment, const std::string& name) {
  for (const auto& [key, value] : environment) {
    if (key == name) return value;
  }
  return "";
}

TEST(ServerKinds, AreFoundByName) {
  for (const ServerKind* kind : server_kinds()) EXPECT_EQ(server_kind_named(kind->name), kind);
  EXPECT_EQ(server_kind_named("vLLM"), nullptr);
  EXPECT_EQ(server_kind_named(""), nullptr);
}

TEST(ServerKinds, BuildCommandsThatTheyRecogniseThemselves) {
  for (const ServerKind* kind : server_kinds()) {
    if (kind->command.empty()) continue;
    const Argv argv = command_of(*kind, {4096, 0.8, {"--more", "1"}});
    EXPECT_EQ(&recognise(look_through(argv)), kind) << kind->name;
    EXPECT_EQ(argv.back(), "1");
    const ArgvFacts facts = examine_command(read_command(argv, nullptr, {}));
    EXPECT_TRUE(facts.uses_port) << kind->name;
    if (kind == &k_vllm || kind == &k_sglang || kind == &k_llama_server) {
      EXPECT_EQ(facts.max_model_len, 4096U) << kind->name;
    }
  }
}

std::string words_of(const ServerKind& kind, const CommandWishes& wishes = {}) {
  std::string words;
  for (const std::string& word : command_of(kind, wishes)) words += word + ' ';
  return words;
}

TEST(ServerKinds, SayWhatIsWishedForAndWhatMustBeSaid) {
  EXPECT_EQ(words_of(k_vllm),
            "vllm serve {model} --host 127.0.0.1 --port {port} --served-model-name m "
            "--gpu-memory-utilization 0.9 ");
  EXPECT_EQ(words_of(k_vllm, {4096, 0.8, {}}),
            "vllm serve {model} --host 127.0.0.1 --port {port} --served-model-name m "
            "--gpu-memory-utilization 0.8 --max-model-len 4096 ");
  EXPECT_EQ(words_of(k_tgi),
            "text-generation-launcher --model-id {model} --hostname 127.0.0.1 "
            "--port {port} ");
  EXPECT_EQ(words_of(k_sglang, {4096, 0.8, {}}),
            "python3 -m sglang.launch_server --model-path {model} --host 127.0.0.1 --port {port} "
            "--served-model-name m --context-length 4096 --mem-fraction-static 0.8 ");
  EXPECT_EQ(words_of(k_llama_server, {512, 0.8, {}}),
            "llama-server -m {model} --host 127.0.0.1 --port {port} -ngl 999 --ctx-size 512 ");
}

TEST(ServerKinds, HaveAnEnvironmentOfTheirOwn) {
  const Environment expected{{"HF_HUB_OFFLINE", "1"}, {"NO_COLOR", "1"}};
  EXPECT_EQ(environment_of(k_tgi, std::chrono::seconds(1)), expected);
  EXPECT_TRUE(environment_of(k_generic, std::chrono::seconds(1)).empty());
}

TEST(Vllm, IsPinnedWhereTheVersionHasTheFlag) {
  const Argv pinned{"--safetensors-load-strategy", "lazy"};
  const Argv argv{"vllm", "serve", "{model}"};
  EXPECT_EQ(k_vllm.pinned_flags("0.11.0", argv), pinned);
  EXPECT_EQ(k_vllm.pinned_flags("0.32.0+cpu", argv), pinned);
  EXPECT_EQ(k_vllm.pinned_flags("0.23.1rc1.dev531+ga65f93fb2", argv), pinned);
  EXPECT_EQ(k_vllm.pinned_flags("1.0.0", argv), pinned);
  for (const char* const version : {"0.7.3", "0.10.2", "", "dev", "v0.24", "0", "0."}) {
    EXPECT_EQ(k_vllm.pinned_flags(version, argv), Argv{}) << version;
  }
}

TEST(Vllm, IsPinnedInEachFormatThatOneLoaderReads) {
  const Argv pinned{"--safetensors-load-strategy", "lazy"};
  for (const char* const format : {"auto", "hf", "mistral", "safetensors"}) {
    EXPECT_EQ(k_vllm.pinned_flags("0.32.0", {"--load-format", format}), pinned) << format;
  }
}

TEST(Vllm, IsNotPinnedAgainstTheUser) {
  EXPECT_EQ(k_vllm.pinned_flags(
                "0.24.0", {"vllm", "serve", "{model}", "--safetensors-load-strategy", "eager"}),
            Argv{});
  EXPECT_EQ(k_vllm.pinned_flags(
                "0.24.0", {"vllm", "serve", "{model}", "--safetensors_load_strategy=prefetch"}),
            Argv{});
  EXPECT_EQ(k_vllm.pinned_flags("0.24.0",
                                {"vllm", "serve", "{model}", "--load-format", "runai_streamer"}),
            Argv{});
}

TEST(Vllm, TakesMistralsOwnCopyUnlessItIsToldElse) {
  EXPECT_EQ(k_vllm.preferred_weights({"serve", "m"}), "consolidated*.safetensors");
  EXPECT_EQ(k_vllm.preferred_weights({"--load_format=mistral"}), "consolidated*.safetensors");
  for (const char* const other : {"hf", "safetensors", "dummy", "runai_streamer"}) {
    EXPECT_EQ(k_vllm.preferred_weights({"--load-format", other}), "") << other;
  }
}

TEST(Vllm, WaitsForItsEngineAsLongAsWeDo) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  const auto timeout_for = [](std::chrono::nanoseconds timeout) {
    return value_in(environment_of(k_vllm, timeout), "VLLM_ENGINE_READY_TIMEOUT_S");
  };
  EXPECT_EQ(timeout_for(seconds(1800)), "1800");
  EXPECT_EQ(timeout_for(milliseconds(1800500)), "1801");
  EXPECT_EQ(timeout_for(seconds(60)), "600");
}

}  // namespace
}  // namespace coldload::server
