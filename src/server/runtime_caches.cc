#include "server/runtime_caches.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "os/child_answer.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/file_id.h"
#include "os/held_directory.h"

namespace coldload::server {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_prefix = ".runtime-caches-";
// In them: what a launch that is to find none does not find.
constexpr const char* k_aside = ".aside";

// As CompileCache has them.
constexpr std::array<std::string_view, 3> k_mode_names{"keep", "private", "fresh"};

// Where a cache lies that no variable names.
enum class Place {
  home,
  cache,      // the user's folder for caches, mostly below home
  temporary,  // one folder for all: the user's name ends the cache's
};

struct Cache {
  std::string_view variable;
  std::string_view folder;  // of a private one
  Place place = Place::home;
  std::string_view below;             // of that place
  std::string_view below_named = {};  // of what the variable names
};

constexpr std::array<Cache, 8> k_caches{{
    {"VLLM_CACHE_ROOT", "vllm", Place::cache, "/vllm"},
    {"TORCHINDUCTOR_CACHE_DIR", "inductor", Place::temporary, "/torchinductor_"},
    {"TRITON_CACHE_DIR", "triton", Place::home, "/.triton/cache"},
    {"FLASHINFER_WORKSPACE_BASE", "flashinfer", Place::home, "/.cache/flashinfer",
     "/.cache/flashinfer"},
    {"CUDA_CACHE_PATH", "cuda", Place::home, "/.nv/ComputeCache"},
    {"TORCH_EXTENSIONS_DIR", "torch-extensions", Place::cache, "/torch_extensions"},
    {"DG_JIT_CACHE_DIR", "deep-gemm", Place::home, "/.deep_gemm"},
    {"SGLANG_DG_CACHE_DIR", "sglang-deep-gemm", Place::home, "/.cache/deep_gemm"},
}};

// As a server sees it; empty where it is not set, which is the same to who looks for a folder.
std::string value_of(std::string_view name, const Environment& variables) {
  const char* const ours = std::getenv(std::string(name).c_str());
  std::string value = ours == nullptr ? "" : ours;
  for (const auto& [key, set] : variables) {
    if (key == name) value = set;
  }
  return value;
}

std::string first_of(std::initializer_list<std::string_view> names, const Environment& variables,
                     std::string otherwise) {
  for (const std::string_view name : names) {
    if (std::string value = value_of(name, variables); !value.empty()) return value;
  }
  return otherwise;
}

std::string folder_of(const Cache& cache, const Environment& variables) {
  if (const std::string named = value_of(cache.variable, variables); !named.empty()) {
    return fmt::format("{}{}", named, cache.below_named);
  }
  if (cache.place == Place::temporary) {
    return fmt::format("{}{}{}", first_of({"TMPDIR"}, variables, "/tmp"), cache.below,
                       first_of({"LOGNAME", "USER"}, variables, "root"));
  }
  std::string place = first_of({"HOME"}, variables, "/");
  if (cache.place == Place::cache) {
    place = first_of({"XDG_CACHE_HOME"}, variables, place + "/.cache");
  }
  return fmt::format("{}{}", place, cache.below);
}

// Also of a folder that is not there; as it is written where it cannot be told.
std::string resolved(const std::string& folder) {
  std::error_code error;
  const fs::path absolute = fs::absolute(folder, error).lexically_normal();
  const fs::path real = error ? absolute : fs::weakly_canonical(absolute, error);
  return error ? absolute.string() : real.string();
}

}  // namespace

std::optional<CompileCache> parse_compile_cache(std::string_view text) {
  const auto* const name = std::find(k_mode_names.begin(), k_mode_names.end(), text);
  if (name == k_mode_names.end()) return std::nullopt;
  return static_cast<CompileCache>(name - k_mode_names.begin());
}

std::string_view to_string(CompileCache mode) {
  return k_mode_names.at(static_cast<std::size_t>(mode));
}

std::vector<std::string> cache_folders(const Environment& variables) {
  constexpr std::chrono::seconds k_patience{20};
  const auto answer = os::answer_of_child(
      [&variables] {
        std::string names;
        for (const Cache& cache : k_caches) {
          names += resolved(folder_of(cache, variables));
          names += '\0';
        }
        return names;
      },
      os::Clock::now() + k_patience);
  std::vector<std::string> folders;
  std::string_view left = answer ? std::string_view(*answer) : std::string_view();
  for (std::size_t end = 0; (end = left.find('\0')) != std::string_view::npos;) {
    folders.emplace_back(left.substr(0, end));
    left.remove_prefix(end + 1);
  }
  return folders;
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

std::vector<std::string> RuntimeCaches::names() const {
  std::vector<std::string> names;
  inside_.for_each_name([&names](const char* name) {
    if (std::string_view(name) != os::k_held_mark) names.emplace_back(name);
    return true;
  });
  return names;
}

void RuntimeCaches::remove_all_but_mark() const {
  for (const std::string& name : names()) inside_.remove_tree(name);
}

// Where that was done before, what lies there now is of a launch that was to have none.
void RuntimeCaches::set_aside() const {
  const bool is_new = inside_.make_subdirectory(k_aside, S_IRWXU);
  const os::Directory aside = inside_.subdirectory(k_aside);
  for (const std::string& name : names()) {
    if (name == k_aside) continue;
    if (is_new) {
      inside_.rename(name, aside, name);
    } else {
      inside_.remove_tree(name);
    }
  }
}

void RuntimeCaches::bring_back() const {
  if (!inside_.look(k_aside)) return;
  const os::Directory aside = inside_.subdirectory(k_aside);
  for (const std::string& name : names()) {
    if (name != k_aside) inside_.remove_tree(name);
  }
  std::vector<std::string> kept;
  aside.for_each_name([&kept](const char* name) {
    kept.emplace_back(name);
    return true;
  });
  for (const std::string& name : kept) aside.rename(name, inside_, name);
  inside_.remove_tree(k_aside);
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

void RuntimeCaches::prepare_launch(bool without_any) {
  if (path_.empty()) return;
  if (os::file_id(path_) != os::file_id(held_)) {
    throw os::Error(
        fmt::format("the server's caches, {}, were moved or removed while coldload ran: a launch "
                    "would make others there; leave them alone, and measure again",
                    path_));
  }
  if (mode_ == CompileCache::fresh_caches) return remove_all_but_mark();
  if (without_any) {
    set_aside();
  } else {
    bring_back();
  }
}

Environment RuntimeCaches::environment() const {
  Environment variables;
  if (path_.empty()) return variables;
  for (const Cache& cache : k_caches) {
    variables.emplace_back(cache.variable, fmt::format("{}/{}", path_, cache.folder));
  }
  return variables;
}

}  // namespace coldload::server
