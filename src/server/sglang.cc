// SGLang, 0.4 and later.
#include <fmt/format.h>

#include "server/server_kind.h"

namespace coldload::server {

namespace {

bool is_sglang(const Invocation& invocation) {
  if (invocation.program == "sglang") {
    return !invocation.arguments.empty() && invocation.arguments.front() == "serve";
  }
  return invocation.module.rfind("sglang.launch_server", 0) == 0 ||
         invocation.script.find("sglang/launch_server") != std::string::npos;
}

// SGLang writes GB for 2^30 bytes.
const LogGrammar& sglang_grammar() {
  static const LogGrammar k_grammar{
      {
          {Says::begins, "weights", "", R"(Load weight begin)"},
          {Says::took, "weights", "weights_s", R"(Load weight end\. elapsed=([\d.]+) s)"},
          // Read beside the graph capture; only what came after it took time of its own.
          {Says::took,
           "weights",
           "weights_commit_s",
           R"(Load weight end\. Committed real weights after CUDA graph capture in ([\d.]+) s)",
           {},
           Evidence::progress},
          {Says::reports, "", "model_gib", R"(Load weight end\..* mem usage=([\d.]+) GB)"},
          {Says::sums_up, "", "weights_s",
           R"(Engine startup timings \(s\):.*\bload_weight=([\d.]+))"},
          {Says::reports, "", "prefetch_s",
           R"(prefetching checkpoint files into page cache finished in ([\d.]+)s)"},
          {Says::reports, "", "distributed_s",
           R"(Init torch distributed ends\. elapsed=([\d.]+) s)"},
          {Says::reports, "", "kv_tokens", R"(KV Cache is allocated\..*#tokens: ([\d,]+))"},
          {Says::begins, "graphs", "", R"(Capture .*graph begin)"},
          {Says::took, "graphs", "graphs_s",
           R"(Capture .*graph end\. (?:Time elapsed: |elapsed=)([\d.]+) s)"},
          {Says::reports, "", "graphs_gib", R"(Capture .*graph end\..*mem usage=([\d.]+) GB)"},
          {Says::begins, "http", "", R"(Started server process|Uvicorn running on)"},
      },
      R"(((?:DP\d+ |PP\d+ )*TP\d+(?: [A-Z]{2}\d+)*)\])"};
  return k_grammar;
}

std::vector<std::string> sglang_command(const CommandWishes& wishes) {
  std::vector<std::string> argv{"python3",
                                "-m",
                                "sglang.launch_server",
                                "--model-path",
                                "{model}",
                                "--host",
                                "127.0.0.1",
                                "--port",
                                "{port}",
                                "--served-model-name",
                                "m"};
  if (wishes.max_model_len) {
    argv.insert(argv.end(), {"--context-length", std::to_string(*wishes.max_model_len)});
  }
  if (wishes.gpu_memory_utilization) {
    argv.insert(argv.end(),
                {"--mem-fraction-static", fmt::format("{}", *wishes.gpu_memory_utilization)});
  }
  argv.insert(argv.end(), wishes.more_flags.begin(), wishes.more_flags.end());
  return argv;
}

// Without the first, every probe of /health generates a token and takes a second.
Environment sglang_environment(std::chrono::nanoseconds /*timeout*/) {
  return {{"SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION", "0"},
          {"HF_HUB_OFFLINE", "1"},
          {"PYTHONUNBUFFERED", "1"}};
}

// The name that the server gives to the model.
std::optional<CompletionRequest> sglang_completion(const Invocation& invocation,
                                                   const std::string& model) {
  return openai_completion(
      invocation, flag_value(invocation.arguments, {"--served-model-name"}).value_or(model));
}

}  // namespace

const ServerKind k_sglang{.name = "sglang",
                          .recognises = is_sglang,
                          .ready_endpoint = "/health",
                          .grammar = sglang_grammar,
                          .default_port = 30000,
                          .command = sglang_command,
                          .environment = sglang_environment,
                          .completion = sglang_completion};

}  // namespace coldload::server
