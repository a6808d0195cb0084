// vLLM, 0.7 to 0.33.
#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "server/server_kind.h"

namespace coldload::server {

namespace {

bool is_vllm(const Invocation& invocation) {
  const auto serves = [&] {
    const auto& words = invocation.arguments;
    return std::find(words.begin(), words.end(), "serve") != words.end();
  };
  if (invocation.program == "vllm") return serves();
  if (invocation.module == "vllm.entrypoints.cli.main") return serves();
  return invocation.module.rfind("vllm.entrypoints.", 0) == 0 ||
         invocation.script.find("vllm/entrypoints/") != std::string::npos;
}

// vLLM's texts as its sources and logs have them, oldest and newest beside each other.
const LogGrammar& vllm_grammar() {
  static const LogGrammar k_grammar{
      {
          {Says::reports, "", "version", R"(Initializing a V\d+ LLM engine \(v([^)\s]+)\))"},
          {Says::reports, "", "version", R"(vLLM (?:API )?server version v?(\d[^\s,]*))"},
          {Says::reports, "", "file_system",
           R"(Filesystem type for checkpoints: (\S+)\. Checkpoint size)"},
          {Says::reports, "", "prefetch",
           R"((Auto-prefetch is disabled|Skipping auto-prefetch|Prefetching checkpoint files into page cache started))"},
          {Says::reports, "", "prefetch_s",
           R"(Prefetching checkpoint files into page cache finished in ([\d.]+)s)"},
          {Says::reports, "", "download_s",
           R"(Time spent downloading weights for .*: ([\d.]+) seconds)"},

          {Says::took, "weights", "weights_s", R"(Loading weights took ([\d.]+) seconds)"},
          {Says::spans,
           "weights",
           "",
           R"(Loading (?:safetensors|pt) checkpoint shards:)",
           {},
           Evidence::progress},
          {Says::begins,
           "weights",
           "",
           R"(Starting to load model|Loading model from scratch)",
           {},
           Evidence::enclosing},
          {Says::took,
           "weights",
           "model_s",
           R"(Model loading took [\d.]+ Gi?B(?: memory)? and ([\d.]+) seconds)",
           {},
           Evidence::enclosing},
          {Says::reports, "", "model_gib", R"(Model loading took ([\d.]+) Gi?B)"},
          {Says::reports, "", "model_gib", R"(Loading model weights took ([\d.]+) GB)"},
          {Says::reports,
           "",
           "model_gib",
           R"(model weights take ([\d.]+)\s?GiB)",
           {},
           Evidence::enclosing},

          {Says::took, "compile", "dynamo_s", R"(Dynamo bytecode transform time: ([\d.]+) s)"},
          {Says::reports, "", "compile_cache",
           R"((Directly load) (?:AOT compilation|the compiled graph))"},
          {Says::took,
           "compile",
           "",
           R"(torch\.compile and initial profiling/warmup run together took ([\d.]+) s in total)",
           {},
           Evidence::enclosing},
          {Says::took, "compile", "", R"(Compiling a graph for .* takes ([\d.]+) s)"},
          {Says::took, "compile", "compile_cache_load_s", R"(Directly load .* took ([\d.]+) s)"},
          {Says::took, "compile", "compile_s",
           R"(torch\.compile (?:takes|took) ([\d.]+) s in total)"},
          {Says::sums_up, "", "compile_s", R"(init engine .*\(compilation: ([\d.]+) s\))"},

          {Says::took, "profile", "profile_s", R"(Initial profiling/warmup run took ([\d.]+) s)"},
          {Says::took, "profile", "profile_s", R"(Memory profiling takes ([\d.]+) seconds)"},

          {Says::begins, "kv_cache", "kv_cache_gib",
           R"(Available KV cache memory: (-?[\d.]+) GiB)"},
          {Says::ends, "kv_cache", "kv_tokens", R"((?:GPU|CPU) KV cache size: ([\d,]+) tokens)"},

          {Says::begins, "graphs", "", R"(Capturing CUDA graph)"},
          {Says::took, "graphs", "graphs_s",
           R"(Graph capturing finished in ([\d.]+) secs?, took (-?[\d.]+) GiB)", "graphs_gib"},

          {Says::reports, "", "engine_init_s", R"(init engine \(.*\) took ([\d.]+) s)"},
          {Says::begins, "http", "", R"(Starting vLLM (?:API )?server |Started server process)"},
      },
      R"(\(((?:VllmWorker|Worker|EngineCore)[^()]*pid=\d+)\))"};
  return k_grammar;
}

std::vector<std::string> vllm_command(const CommandWishes& wishes) {
  // Always said: the default was 0.9 and became 0.92.
  constexpr double k_default_utilization = 0.9;
  std::vector<std::string> argv{
      "vllm",
      "serve",
      "{model}",
      "--host",
      "127.0.0.1",
      "--port",
      "{port}",
      "--served-model-name",
      "m",
      "--gpu-memory-utilization",
      fmt::format("{}", wishes.gpu_memory_utilization.value_or(k_default_utilization))};
  if (wishes.max_model_len) {
    argv.insert(argv.end(), {"--max-model-len", std::to_string(*wishes.max_model_len)});
  }
  argv.insert(argv.end(), wishes.more_flags.begin(), wishes.more_flags.end());
  return argv;
}

// It gives up on its own engine after ten minutes, which slow storage can need.
Environment vllm_environment(std::chrono::nanoseconds timeout) {
  constexpr std::chrono::seconds k_own_default{600};
  const auto ready_timeout =
      std::max(std::chrono::ceil<std::chrono::seconds>(timeout), k_own_default);
  return {{"HF_HUB_OFFLINE", "1"},
          {"PYTHONUNBUFFERED", "1"},
          {"VLLM_ENGINE_READY_TIMEOUT_S", std::to_string(ready_timeout.count())},
          {"VLLM_LOGGING_COLOR", "0"},
          {"VLLM_NO_USAGE_STATS", "1"}};
}

// What pools (embeds, classifies, scores) completes nothing.
std::optional<CompletionRequest> vllm_completion(const Invocation& invocation,
                                                 const std::string& model) {
  const auto& words = invocation.arguments;
  const std::string runner = flag_value(words, {"--runner", "--task"}).value_or("auto");
  if (runner != "auto" && runner != "generate") return std::nullopt;
  return openai_completion(invocation, flag_value(words, {"--served-model-name"}).value_or(model));
}

// "0.23.1rc1.dev531+ga65f93fb2" -> {0, 23}; nothing for what is no version.
std::optional<std::array<int, 2>> release_of(const std::string& version) {
  std::array<int, 2> release{};
  const char* at = version.data();
  const char* const end = version.data() + version.size();
  for (std::size_t i = 0; i < release.size(); ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return std::nullopt;
    const auto [stop, error] = std::from_chars(at, end, release.at(i));
    if (error != std::errc()) return std::nullopt;
    at = stop;
  }
  return release;
}

// By itself vLLM prefetches from NFS and Lustre and maps files elsewhere: that compares its
// loaders. The flag came with 0.11 (vllm-project/vllm pull request 24469). What reads safetensors
// in another way has no use for it.
std::vector<std::string> pinned_flags(const std::string& version,
                                      const std::vector<std::string>& argv) {
  constexpr std::array<int, 2> k_first_with_flag{0, 11};
  const auto release = release_of(version);
  if (!release || *release < k_first_with_flag) return {};
  if (has_flag(argv, {"--safetensors-load-strategy"})) return {};
  const std::string format = flag_value(argv, {"--load-format"}).value_or("auto");
  if (format != "auto" && format != "safetensors") return {};
  return {"--safetensors-load-strategy", "lazy"};
}

}  // namespace

const ServerKind k_vllm{.name = "vllm",
                        .recognises = is_vllm,
                        .ready_endpoint = "/health",
                        .grammar = vllm_grammar,
                        .default_port = 8000,
                        .command = vllm_command,
                        .environment = vllm_environment,
                        .completion = vllm_completion,
                        .api_key_variable = "VLLM_API_KEY",
                        .pinned_flags = pinned_flags,
                        .package = "vllm"};

}  // namespace coldload::server
