#include "server/runtime_caches.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "os/error.h"
#include "os/file_id.h"
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
  inside_ = os::Directory::open(path_);
}

std::string RuntimeCaches::pattern(const std::string& directory) {
  return fmt::format("{}/{}*", directory, k_prefix);
}

void RuntimeCaches::remove_all_but_mark() const {
  std::vector<std::string> names;
  inside_.for_each_name([&names](const char* name) {
    if (std::string_view(name) != os::k_held_mark) names.emplace_back(name);
    return true;
  });
  for (const std::string& name : names) inside_.remove_tree(name);
}

// Wherever it lies by now. What its variables led a server to make at its old place since goes,
// too: a name of ours, which nobody else has.
RuntimeCaches::~RuntimeCaches() {
  if (path_.empty()) return;
  std::error_code ignored;
  try {
    remove_all_but_mark();
    const std::string now = fs::read_symlink(fmt::format("/proc/self/fd/{}", held_.get()), ignored);
    if (os::file_id(now) == os::file_id(held_)) os::remove_held_directory(now);
  } catch (const os::Error&) {
    // As much as could be.
  }
  fs::remove_all(path_, ignored);
}

void RuntimeCaches::prepare_launch() {
  if (path_.empty()) return;
  if (os::file_id(path_) != os::file_id(held_)) {
    throw os::Error(
        fmt::format("the server's caches, {}, were moved or removed while coldload ran: a launch "
                    "would make others there; leave them alone, and measure again",
                    path_));
  }
  if (mode_ == CompileCache::fresh_caches) remove_all_but_mark();
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
