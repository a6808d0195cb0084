// Hugging Face's Text Generation Inference.
#include <fmt/format.h>

#include "server/server_kind.h"

namespace coldload::server {

namespace {

bool is_tgi(const Invocation& invocation) {
  return invocation.program == "text-generation-launcher";
}

// A shard is ready when it has started and loaded its weights; nothing tells the two apart, so that
// time is in no phase.
const LogGrammar& tgi_grammar() {
  constexpr double k_s_per_ms = 1e-3;
  static const LogGrammar k_grammar{
      {
          {Says::reports, "", "shard_ready_s", R"(Shard ready in ([\d.]+)s)"},
          {Says::reports,
           "",
           "shard_ready_s",
           R"(Shard ready in ([\d.]+)ms)",
           {},
           Evidence::direct,
           k_s_per_ms},
          {Says::begins, "profile", "", R"(Warming up model)"},
          {Says::ends, "profile", "kv_tokens", R"(Setting max batch total tokens to (\d+))"},
          {Says::begins, "http", "", R"(: Connected(?:[\r\n]|$))"},
      },
      R"(rank=(\d+))"};
  return k_grammar;
}

std::vector<std::string> tgi_command(const CommandWishes& wishes) {
  std::vector<std::string> argv{"text-generation-launcher",
                                "--model-id",
                                "{model}",
                                "--hostname",
                                "127.0.0.1",
                                "--port",
                                "{port}"};
  if (wishes.max_model_len) {
    argv.insert(argv.end(), {"--max-total-tokens", std::to_string(*wishes.max_model_len)});
  }
  if (wishes.gpu_memory_utilization) {
    argv.insert(argv.end(),
                {"--cuda-memory-fraction", fmt::format("{}", *wishes.gpu_memory_utilization)});
  }
  argv.insert(argv.end(), wishes.more_flags.begin(), wishes.more_flags.end());
  return argv;
}

Environment tgi_environment(std::chrono::nanoseconds /*timeout*/) {
  return {{"HF_HUB_OFFLINE", "1"}, {"NO_COLOR", "1"}};
}

std::optional<CompletionRequest> tgi_completion(const Invocation& invocation,
                                                const std::string& /*model*/) {
  return CompletionRequest{"/generate_stream",
                           R"({"inputs":"Hello","parameters":{"max_new_tokens":1}})",
                           flag_value(invocation.arguments, {"--api-key"}).value_or("")};
}

}  // namespace

const ServerKind k_tgi{.name = "tgi",
                       .recognises = is_tgi,
                       .ready_endpoint = "/health",
                       .grammar = tgi_grammar,
                       .command = tgi_command,
                       .environment = tgi_environment,
                       .completion = tgi_completion};

}  // namespace coldload::server
