// Hugging Face's Text Generation Inference.
#include <array>

#include "server/server_kind.h"

namespace coldload::server {

namespace {

bool is_tgi(const Invocation& invocation) { return invocation.runs("text-generation-launcher"); }

// A shard is ready when it has started and loaded its weights; nothing tells the two apart, so that
// time is in no phase.
constexpr double k_s_per_ms = 1e-3;
constexpr auto k_tgi_patterns = std::to_array<LogPattern>(
    {{Says::reports, "", "shard_ready_s", R"(Shard ready in ([\d.]+)s)"},
     {Says::reports, "", "shard_ready_s", R"(Shard ready in ([\d.]+)ms)", "", k_s_per_ms},
     {Says::begins, "profile", "", R"(Warming up model)"},
     {Says::ends, "profile", "kv_tokens", R"(Setting max batch total tokens to (\d+))"},
     {Says::begins, "http", "", R"((?:: Connected(?:[\r\n]|$)|"message":"Connected"))"}});

std::optional<CompletionRequest> tgi_completion(const Invocation& invocation,
                                                const std::string& /*model*/) {
  return CompletionRequest{"/generate_stream",
                           R"({"inputs":"Hello","parameters":{"max_new_tokens":1}})",
                           flag_value(invocation.arguments, {"--api-key"}).value_or("")};
}

}  // namespace

const ServerKind k_tgi{
    .name = "tgi",
    .recognises = is_tgi,
    .grammar = {k_tgi_patterns, R"(rank"?[=:](\d+))"},
    .default_port = 3000,
    .speech = {.port_flags = {"--port", "-p"},
               .length_flags = {"--max-total-tokens"},
               .host_flag = "--hostname",
               .variables = {{"PORT", "--port"},
                             {"HOSTNAME", "--hostname"},
                             {"MAX_TOTAL_TOKENS", "--max-total-tokens"}}},
    .command = "text-generation-launcher --model-id {model} --hostname 127.0.0.1 --port {port}",
    .length_flag = "--max-total-tokens",
    .memory_flag = "--cuda-memory-fraction",
    .environment = "HF_HUB_OFFLINE=1 NO_COLOR=1",
    .completion = tgi_completion};

}  // namespace coldload::server
