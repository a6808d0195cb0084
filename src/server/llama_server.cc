// llama.cpp's llama-server.
#include <array>

#include "server/server_kind.h"

namespace coldload::server {

namespace {

bool is_llama_server(const Invocation& invocation) {
  return invocation.program == "llama-server" || invocation.program == "llama-cpp-server";
}

constexpr double k_gib_per_mib = 1.0 / 1024;
constexpr auto k_llama_server_patterns = std::to_array<LogPattern>(
    {{Says::reports, "", "version", R"(build: (\d+ \([0-9a-f]+\)))"},
     {Says::begins, "weights", "", R"(llama_model_loader: loaded meta data)"},
     {Says::ends, "weights", "", R"(llama_context: constructing|llama_kv_cache)"},
     {enclosing(Says::begins), "weights", "", R"(loading model)"},
     {enclosing(Says::ends), "weights", "", R"(model loaded)"},
     {Says::reports, "", "model_gib",
      R"((?:CUDA|ROCm|Vulkan|SYCL|MTL)\d* model buffer size = *([\d.]+) MiB)", "", k_gib_per_mib},
     {Says::reports, "", "kv_cache_gib",
      R"((?:CUDA|ROCm|Vulkan|SYCL|MTL)\d* KV buffer size = *([\d.]+) MiB)", "", k_gib_per_mib},
     {Says::begins, "profile", "", R"(warming up the model)"},
     {Says::ends, "profile", "", R"(model loaded)"},
     {Says::begins, "http", "", R"(listening on http)"}});

}  // namespace

const ServerKind k_llama_server{
    .name = "llama-server",
    .recognises = is_llama_server,
    .grammar = {k_llama_server_patterns},
    .default_port = 8080,
    // A --host that ends in .sock is a Unix socket's path.
    .speech = {.length_flags = {"--ctx-size", "-c"},
               .prefix_flag = "--api-prefix",
               .variables = {{"LLAMA_ARG_PORT", "--port"},
                             {"LLAMA_ARG_HOST", "--host"},
                             {"LLAMA_ARG_API_PREFIX", "--api-prefix"},
                             {"LLAMA_ARG_CTX_SIZE", "--ctx-size"},
                             {"LLAMA_ARG_SSL_KEY_FILE", "--ssl-key-file"},
                             {"LLAMA_ARG_SSL_CERT_FILE", "--ssl-cert-file"}}},
    .command = "llama-server -m {model} --host 127.0.0.1 --port {port} -ngl 999",
    .length_flag = "--ctx-size",
    .completion = openai_completion,
    .api_key_variable = "LLAMA_API_KEY"};

}  // namespace coldload::server
