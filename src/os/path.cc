#include "os/path.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file_id.h"
#include "os/told_step.h"

namespace coldload::os {

std::string real_path(const std::string& path, const std::string& operation) {
  about_to("look at", path);
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr),
                                                             &std::free);
  const int error = errno;
  const auto wanted = file_id(path);
  if (resolved && (!wanted || file_id(std::string(resolved.get())) == wanted)) {
    return resolved.get();
  }
  if (!wanted) throw SystemError(operation, path, error);
  return std::filesystem::absolute(path);
}

bool is_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return true;
  return path.substr(0, directory.size()) == directory &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string find_program(const std::string& name) {
  const auto is_program = [](const std::string& path) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string::npos) return is_program(name) ? name : "";
  const char* const search = std::getenv("PATH");
  std::string_view rest = search == nullptr ? "/bin:/usr/bin" : search;
  while (true) {
    const std::size_t colon = rest.find(':');
    const std::string_view folder = rest.substr(0, colon);
    std::string candidate = folder.empty() ? name : fmt::format("{}/{}", folder, name);
    if (is_program(candidate)) return candidate;
    if (colon == std::string_view::npos) return "";
    rest.remove_prefix(colon + 1);
  }
}

bool for_each_name(const std::string& directory, const std::function<bool(const char*)>& take) {
  const auto close = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close)> open(::opendir(directory.c_str()), close);
  if (!open) return false;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(open.get());
    if (entry == nullptr) return errno == 0;
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && !take(entry->d_name)) return true;
  }
}

}  // namespace coldload::os
