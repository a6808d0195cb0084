#include "os/path.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file_id.h"

namespace coldload::os {

std::string real_path(const std::string& path, const std::string& operation) {
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
  const char* const search = std::getenv("PATH");
  std::istringstream folders(search == nullptr ? "" : search);
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string candidate = fmt::format("{}/{}", folder, name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

bool for_each_name(const std::string& directory, const std::function<bool(const char*)>& take) {
  const auto close = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close)> open(::opendir(directory.c_str()), close);
  if (!open) return false;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && !take(entry->d_name)) break;
  }
  return true;
}

}  // namespace coldload::os
