#include "server/runtime_caches.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "os/error.h"
#include "os/held_directory.h"

namespace coldload::server {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_prefix = ".runtime-caches-";

// As CompileCache has them.
constexpr std::array<std::string_view, 3> k_mode_names{"keep", "private", "fresh"};

// Variables, and folders for what they stand for.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> k_variables{{
    {"VLLM_CACHE_ROOT", "vllm"},
    {"TORCHINDUCTOR_CACHE_DIR", "inductor"},
    {"TRITON_CACHE_DIR", "triton"},
    {"FLASHINFER_WORKSPACE_BASE", "flashinfer"},
    {"CUDA_CACHE_PATH", "cuda"},
    {"TORCH_EXTENSIONS_DIR", "torch-extensions"},
    {"DG_JIT_CACHE_DIR", "deep-gemm"},
    {"SGLANG_DG_CACHE_DIR", "sglang-deep-gemm"},
}};

}  // namespace

std::optional<CompileCache> parse_compile_cache(std::string_view text) {
  const auto* const name = std::find(k_mode_names.begin(), k_mode_names.end(), text);
  if (name == k_mode_names.end()) return std::nullopt;
  return static_cast<CompileCache>(name - k_mode_names.begin());
}

std::string_view to_string(CompileCache mode) {
  return k_mode_names.at(static_cast<std::size_t>(mode));
}

RuntimeCaches::RuntimeCaches(CompileCache mode, const std::string& directory) : mode_(mode) {
  if (mode == CompileCache::keep) return;
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) throw os::SystemError("create", directory, error.value());
  const std::string prefix = fs::absolute(directory) / k_prefix;
  for (const os::Fd& killed : os::abandoned_directories(prefix).removable) {
    fs::remove_all(killed.path(), error);
  }
  held_ = os::make_held_directory(prefix);
  path_ = held_.path();
}

std::string RuntimeCaches::pattern(const std::string& directory) {
  return fmt::format("{}/{}*", directory, k_prefix);
}

RuntimeCaches::~RuntimeCaches() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

void RuntimeCaches::prepare_launch() {
  if (mode_ != CompileCache::fresh_caches) return;
  std::error_code error;
  fs::directory_iterator entry(path_, error);
  while (!error && entry != fs::directory_iterator()) {
    if (entry->path().filename() != os::k_held_mark) fs::remove_all(entry->path(), error);
    if (!error) entry.increment(error);
  }
  if (error) throw os::SystemError("empty", path_, error.value());
}

Environment RuntimeCaches::environment() const {
  Environment variables;
  if (path_.empty()) return variables;
  for (const auto& [name, folder] : k_variables) {
    variables.emplace_back(name, fmt::format("{}/{}", path_, folder));
  }
  return variables;
}

}  // namespace coldload::server
