// `transformers serve`, of Hugging Face's transformers 5.
#include <array>

#include "server/server_kind.h"
#include "text/json.h"

namespace coldload::server {

namespace {

bool is_transformers(const Invocation& invocation) {
  const bool runs_cli = invocation.runs("transformers") ||
                        invocation.module.rfind("transformers.", 0) == 0 ||
                        invocation.code.find("transformers.cli") != std::string::npos;
  return runs_cli && !invocation.arguments.empty() && invocation.arguments.front() == "serve";
}

constexpr auto k_transformers_patterns = std::to_array<LogPattern>(
    {{enclosing(Says::begins), "weights", "", R"(\[transformers\] Loading )"},
     {progress(Says::spans), "weights", "", R"(Loading (?:weights|checkpoint shards):)"},
     {Says::begins, "http", "", R"(Started server process)"}});

// It has no /v1/completions.
std::optional<CompletionRequest> transformers_completion(const Invocation& /*invocation*/,
                                                         const std::string& model) {
  const text::json::object message{{"role", "user"}, {"content", "Hello"}};
  const text::json::object body{{"model", model},
                                {"messages", text::json::array{message}},
                                {"max_tokens", 1},
                                {"temperature", 0},
                                {"stream", true}};
  return CompletionRequest{"/v1/chat/completions", text::to_line(body)};
}

}  // namespace

const ServerKind k_transformers{
    .name = "transformers",
    .recognises = is_transformers,
    .grammar = {k_transformers_patterns},
    .default_port = 8000,
    .command = "transformers serve {model} --host 127.0.0.1 --port {port}",
    .environment = "HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1",
    .completion = transformers_completion};

}  // namespace coldload::server
