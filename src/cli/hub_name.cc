#include "cli/hub_name.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "os/error.h"

namespace coldload::cli {

namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

fs::path hub_cache() {
  if (const std::string cache = variable("HF_HUB_CACHE"); !cache.empty()) return cache;
  if (const std::string home = variable("HF_HOME"); !home.empty()) return fs::path(home) / "hub";
  const std::string caches = variable("XDG_CACHE_HOME");
  const fs::path base = caches.empty() ? fs::path(variable("HOME")) / ".cache" : fs::path(caches);
  return base / "huggingface" / "hub";
}

bool is_hub_name(std::string_view word) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '/';
  };
  const std::size_t slash = word.find('/');
  return slash != std::string_view::npos && slash > 0 && slash + 1 < word.size() &&
         word.find('/', slash + 1) == std::string_view::npos && word.front() != '.' &&
         std::all_of(word.begin(), word.end(), plain);
}

}  // namespace

std::string path_of_model(const std::string& word) {
  std::error_code ignored;
  if (!is_hub_name(word) || fs::exists(word, ignored)) return word;
  std::string folder = "models--" + word;
  folder.replace(folder.find('/'), 1, "--");
  const fs::path path = hub_cache() / folder;
  if (fs::is_directory(path, ignored)) return path.string();
  throw os::Error(fmt::format(
      "cannot find {}: there is no such path here, and no {} in the hub cache {}; pass the "
      "checkpoint's directory, or set HF_HOME to where the cache is",
      word, folder, hub_cache().string()));
}

}  // namespace coldload::cli
