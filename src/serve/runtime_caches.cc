#include "serve/runtime_caches.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "os/error.h"

namespace coldload::serve {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_prefix = ".runtime-caches-";

struct Variable {
  std::string_view name;
  std::string_view folder;
};

constexpr std::array<Variable, 8> k_variables{{
    {"VLLM_CACHE_ROOT", "vllm"},
    {"TORCHINDUCTOR_CACHE_DIR", "inductor"},
    {"TRITON_CACHE_DIR", "triton"},
    {"FLASHINFER_WORKSPACE_BASE", "flashinfer"},
    {"CUDA_CACHE_PATH", "cuda"},
    {"TORCH_EXTENSIONS_DIR", "torch-extensions"},
    {"DG_JIT_CACHE_DIR", "deep-gemm"},
    {"SGLANG_DG_CACHE_DIR", "sglang-deep-gemm"},
}};

// Those of a coldload that was killed.
void remove_leftovers(const std::string& directory) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename();
    if (name.rfind(k_prefix, 0) != 0) continue;
    pid_t pid = 0;
    const char* const end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + k_prefix.size(), end, pid);
    if (parsed.ec != std::errc() || parsed.ptr != end || pid <= 0) continue;
    if (::kill(pid, 0) != 0 && errno == ESRCH) {
      std::error_code ignored;
      fs::remove_all(entry.path(), ignored);
    }
  }
}

}  // namespace

std::optional<CompileCache> parse_compile_cache(std::string_view text) {
  for (const CompileCache mode :
       {CompileCache::keep, CompileCache::private_caches, CompileCache::fresh_caches}) {
    if (text == to_string(mode)) return mode;
  }
  return std::nullopt;
}

std::string_view to_string(CompileCache mode) {
  switch (mode) {
    case CompileCache::keep:
      return "keep";
    case CompileCache::private_caches:
      return "private";
    case CompileCache::fresh_caches:
      return "fresh";
  }
  return "unknown";
}

RuntimeCaches::RuntimeCaches(CompileCache mode, const std::string& directory) : mode_(mode) {
  if (mode == CompileCache::keep) return;
  remove_leftovers(directory);
  std::error_code error;
  const fs::path path = fs::absolute(directory) / fmt::format("{}{}", k_prefix, ::getpid());
  fs::create_directories(path, error);
  if (error) throw os::SystemError("create", path.string(), error.value());
  path_ = path;
}

RuntimeCaches::~RuntimeCaches() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

void RuntimeCaches::prepare_launch() {
  if (mode_ != CompileCache::fresh_caches) return;
  std::error_code error;
  fs::remove_all(path_, error);
  if (!error) fs::create_directories(path_, error);
  if (error) throw os::SystemError("empty", path_, error.value());
}

Environment RuntimeCaches::environment() const {
  Environment variables;
  if (path_.empty()) return variables;
  for (const Variable& variable : k_variables) {
    variables.emplace_back(variable.name, fmt::format("{}/{}", path_, variable.folder));
  }
  return variables;
}

}  // namespace coldload::serve
