// llama.cpp's llama-server.
#include "server/server_kind.h"

namespace coldload::server {

namespace {

bool is_llama_server(const Invocation& invocation) {
  return invocation.program == "llama-server" || invocation.program == "llama-cpp-server";
}

const LogGrammar& llama_server_grammar() {
  constexpr double k_gib_per_mib = 1.0 / 1024;
  static const LogGrammar k_grammar{{
      {Says::reports, "", "version", R"(build: (\d+ \([0-9a-f]+\)))"},
      {Says::begins, "weights", "", R"(llama_model_loader: loaded meta data)"},
      {Says::ends, "weights", "", R"(llama_context: constructing|llama_kv_cache)"},
      {Says::begins, "weights", "", R"(loading model)", {}, Evidence::enclosing},
      {Says::ends, "weights", "", R"(model loaded)", {}, Evidence::enclosing},
      {Says::reports,
       "",
       "model_gib",
       R"((?:CUDA|ROCm|Vulkan|SYCL|MTL)\d* model buffer size = *([\d.]+) MiB)",
       {},
       Evidence::direct,
       k_gib_per_mib},
      {Says::reports,
       "",
       "kv_cache_gib",
       R"((?:CUDA|ROCm|Vulkan|SYCL|MTL)\d* KV buffer size = *([\d.]+) MiB)",
       {},
       Evidence::direct,
       k_gib_per_mib},
      {Says::begins, "profile", "", R"(warming up the model)"},
      {Says::ends, "profile", "", R"(model loaded)"},
      {Says::begins, "http", "", R"(listening on http)"},
  }};
  return k_grammar;
}

std::vector<std::string> llama_server_command(const CommandWishes& wishes) {
  std::vector<std::string> argv{"llama-server", "-m",     "{model}", "--host", "127.0.0.1",
                                "--port",       "{port}", "-ngl",    "999"};
  if (wishes.max_model_len) {
    argv.insert(argv.end(), {"--ctx-size", std::to_string(*wishes.max_model_len)});
  }
  argv.insert(argv.end(), wishes.more_flags.begin(), wishes.more_flags.end());
  return argv;
}

std::optional<CompletionRequest> llama_server_completion(const Invocation& invocation,
                                                         const std::string& model) {
  return openai_completion(invocation, model);
}

}  // namespace

const ServerKind k_llama_server{.name = "llama-server",
                                .recognises = is_llama_server,
                                .ready_endpoint = "/health",
                                .grammar = llama_server_grammar,
                                .default_port = 8080,
                                .command = llama_server_command,
                                .completion = llama_server_completion,
                                .api_key_variable = "LLAMA_API_KEY"};

}  // namespace coldload::server
