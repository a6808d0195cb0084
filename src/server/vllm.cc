// vLLM, 0.7 to 0.33.
#include <algorithm>
#include <array>

#include <re2/re2.h>

#include "server/server_kind.h"

namespace coldload::server {

namespace {

bool is_vllm(const Invocation& invocation) {
  const auto serves = [&] {
    const auto& words = invocation.arguments;
    return std::find(words.begin(), words.end(), "serve") != words.end();
  };
  if (invocation.runs("vllm")) return serves();
  if (invocation.module == "vllm.entrypoints.cli.main") return serves();
  return invocation.module.rfind("vllm.entrypoints.", 0) == 0 ||
         invocation.script.find("vllm/entrypoints/") != std::string::npos;
}

// vLLM's texts as its sources and logs have them, oldest and newest beside each other.
constexpr auto k_vllm_patterns = std::to_array<LogPattern>(
    {{Says::reports, "", "version", R"(Initializing a V\d+ LLM engine \(v([^)\s]+)\))"},
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
     {progress(Says::spans), "weights", "", R"(Loading (?:safetensors|pt) checkpoint shards:)"},
     {enclosing(Says::begins), "weights", "",
      R"(Starting to load model|Loading model from scratch)"},
     {enclosing(Says::took), "weights", "model_s",
      R"(Model loading took [\d.]+ Gi?B(?: memory)? and ([\d.]+) seconds)"},
     {Says::reports, "", "model_gib", R"(Model loading took ([\d.]+) Gi?B)"},
     {Says::reports, "", "model_gib", R"(Loading model weights took ([\d.]+) GB)"},
     {enclosing(Says::reports), "", "model_gib", R"(model weights take ([\d.]+)\s?GiB)"},
     {Says::took, "compile", "dynamo_s", R"(Dynamo bytecode transform time: ([\d.]+) s)"},
     {Says::reports, "", "compile_cache",
      R"((Directly load) (?:AOT compilation|the compiled graph))"},
     {enclosing(Says::took), "compile", "",
      R"(torch\.compile and initial profiling/warmup run together took ([\d.]+) s in total)"},
     {Says::took, "compile", "", R"(Compiling a graph for .* takes ([\d.]+) s)"},
     {Says::took, "compile", "compile_cache_load_s", R"(Directly load .* took ([\d.]+) s)"},
     {Says::took, "compile", "compile_s", R"(torch\.compile (?:takes|took) ([\d.]+) s in total)"},
     {Says::sums_up, "", "compile_s", R"(init engine .*\(compilation: ([\d.]+) s\))"},
     {Says::took, "profile", "profile_s", R"(Initial profiling/warmup run took ([\d.]+) s)"},
     {Says::took, "profile", "profile_s", R"(Memory profiling takes ([\d.]+) seconds)"},
     {Says::begins, "kv_cache", "kv_cache_gib", R"(Available KV cache memory: (-?[\d.]+) GiB)"},
     {Says::ends, "kv_cache", "kv_tokens", R"((?:GPU|CPU) KV cache size: ([\d,]+) tokens)"},
     {Says::begins, "graphs", "", R"(Capturing CUDA graph)"},
     {Says::took, "graphs", "graphs_s",
      R"(Graph capturing finished in ([\d.]+) secs?, took (-?[\d.]+) GiB)", "graphs_gib"},
     {Says::reports, "", "engine_init_s", R"(init engine \(.*\) took ([\d.]+) s)"},
     {Says::begins, "http", "", R"(Starting vLLM (?:API )?server |Started server process)"}});

// What pools (embeds, classifies, scores) completes nothing.
std::optional<CompletionRequest> vllm_completion(const Invocation& invocation,
                                                 const std::string& model) {
  const auto& words = invocation.arguments;
  const std::string runner = flag_value(words, {"--runner", "--task"}).value_or("auto");
  if (runner != "auto" && runner != "generate") return std::nullopt;
  return openai_completion(invocation, model);
}

// "0.23.1rc1.dev531+ga65f93fb2" -> {0, 23}; nothing for what is no version.
std::optional<std::array<int, 2>> release_of(const std::string& version) {
  std::array<int, 2> release{};
  const bool is_release =
      re2::RE2::PartialMatch(version, R"(^(\d+)\.(\d+))", release.data(), release.data() + 1);
  return is_release ? std::optional(release) : std::nullopt;
}

// By itself vLLM prefetches from NFS and Lustre and maps files elsewhere: that compares its
// loaders. The flag came with 0.11 (vllm-project/vllm pull request 24469). What reads safetensors
// in another way has no use for it.
std::vector<std::string> pinned_flags(const std::string& version,
                                      const std::vector<std::string>& settings) {
  constexpr std::array<int, 2> k_first_with_flag{0, 11};
  const auto release = release_of(version);
  if (!release || *release < k_first_with_flag) return {};
  if (has_flag(settings, {"--safetensors-load-strategy"})) return {};
  const std::string format = flag_value(settings, {"--load-format"}).value_or("auto");
  constexpr std::array<std::string_view, 4> k_by_safetensors{"auto", "hf", "mistral",
                                                             "safetensors"};
  if (std::count(k_by_safetensors.begin(), k_by_safetensors.end(), format) == 0) return {};
  return {"--safetensors-load-strategy", "lazy"};
}

// Mistral's repositories hold the weights twice. From 0.12 on, `auto` takes Mistral's own copy
// where it lies, whatever an index says of the other; before, it had to be told.
std::string_view preferred_weights(const std::vector<std::string>& settings) {
  const std::string format = flag_value(settings, {"--load-format"}).value_or("auto");
  return format == "auto" || format == "mistral" ? "consolidated*.safetensors" : "";
}

// "(EngineCore pid=676) (RayWorkerProc pid=918) (Worker_TP1 pid=918) INFO ...": each process
// through which a line went has put itself before it, and the last name is that of who wrote it.
constexpr std::string_view k_vllm_worker =
    R"((?:\([^()]*pid=\d+[^()]*\) *)*\((\w[^()]*pid=\d+[^()]*)\))";

}  // namespace

// The share of memory is always said: the default was 0.9 and became 0.92. vLLM gives up on its own
// engine after ten minutes, which slow storage can need.
const ServerKind k_vllm{
    .name = "vllm",
    .recognises = is_vllm,
    .grammar = {k_vllm_patterns, k_vllm_worker},
    .default_port = 8000,
    // VLLM_PORT and VLLM_HOST_IP are its processes' own. --root-path is a proxy's: without it
    // /health answers, too.
    .speech = {.socket_flag = "--uds", .config_flag = "--config"},
    .default_memory_share = 0.92,
    .command = "vllm serve {model} --host 127.0.0.1 --port {port} --served-model-name m",
    .length_flag = "--max-model-len",
    .memory_flag = "--gpu-memory-utilization",
    .usual_memory_share = 0.9,
    .environment =
        "HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1 VLLM_ENGINE_READY_TIMEOUT_S={timeout_s} "
        "VLLM_LOGGING_COLOR=0 VLLM_NO_USAGE_STATS=1",
    .completion = vllm_completion,
    .api_key_variable = "VLLM_API_KEY",
    .pinned_flags = pinned_flags,
    .package = "vllm",
    .preferred_weights = preferred_weights};

}  // namespace coldload::server
