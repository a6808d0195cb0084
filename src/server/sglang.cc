// SGLang, 0.4 and later.
#include <array>

#include "server/server_kind.h"

namespace coldload::server {

namespace {

bool is_sglang(const Invocation& invocation) {
  if (invocation.runs("sglang")) {
    return !invocation.arguments.empty() && invocation.arguments.front() == "serve";
  }
  return invocation.module.rfind("sglang.launch_server", 0) == 0 ||
         invocation.script.find("sglang/launch_server") != std::string::npos;
}

// SGLang writes GB for 2^30 bytes.
constexpr auto k_sglang_patterns = std::to_array<LogPattern>(
    {{Says::begins, "weights", "", R"(Load weight begin)"},
     {Says::took, "weights", "weights_s", R"(Load weight end\. elapsed=([\d.]+) s)"},
     // Without the time, until the end of 2025.
     {Says::ends, "weights", "", R"(Load weight end\. (?:type|dtype|avail mem|mem usage)=)"},
     // Read beside the graph capture; only what came after it took time of its own.
     {progress(Says::took), "weights", "weights_commit_s",
      R"(Load weight end\. Committed real weights after CUDA graph capture in ([\d.]+) s)"},
     {Says::reports, "", "model_gib", R"(Load weight end\..* mem usage=([\d.]+) GB)"},
     {Says::sums_up, "", "weights_s", R"(Engine startup timings \(s\):.*\bload_weight=([\d.]+))"},
     {Says::reports, "", "prefetch_s",
      R"(prefetching checkpoint files into page cache finished in ([\d.]+)s)"},
     {Says::reports, "", "distributed_s", R"(Init torch distributed ends\. elapsed=([\d.]+) s)"},
     {Says::reports, "", "kv_tokens", R"(KV Cache is allocated\..*#tokens: ([\d,]+))"},
     {Says::begins, "graphs", "", R"(Capture .*graph begin)"},
     {Says::took, "graphs", "graphs_s",
      R"(Capture .*graph end\. (?:Time elapsed: |elapsed=)([\d.]+) s)"},
     {Says::reports, "", "graphs_gib", R"(Capture .*graph end\..*mem usage=([\d.]+) GB)"},
     {Says::begins, "http", "", R"(Started server process|Uvicorn running on)"}});

// "[2026-02-26 05:24:09 DP0 TP4 EP4]": whatever is parallel, by its rank there.
constexpr std::string_view k_sglang_worker = R"(:\d\d(?:\.\d+)? ((?:[A-Z_]+\d+ ?)+)\])";

}  // namespace

// Without the first variable, every probe of /health generates a token and takes a second.
const ServerKind k_sglang{
    .name = "sglang",
    .recognises = is_sglang,
    .grammar = {k_sglang_patterns, k_sglang_worker},
    .default_port = 30000,
    .speech = {.config_flag = "--config"},
    .command =
        "python3 -m sglang.launch_server --model-path {model} --host 127.0.0.1 --port {port} "
        "--served-model-name m",
    .length_flag = "--context-length",
    .memory_flag = "--mem-fraction-static",
    .environment = "SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION=0 HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1",
    .completion = openai_completion};

}  // namespace coldload::server
