#include "server/program.h"

#include <cstdlib>
#include <string_view>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coldload::server {

namespace {

bool is_executable_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

std::string why_not_found(const std::string& word) {
  if (word.find('{') != std::string::npos) return "";  // a path's own
  if (!path_of_program(word).empty()) return "";
  if (word.find('/') == std::string::npos) {
    return fmt::format(
        "cannot find the program {}: it is in no folder of PATH; name it by its path, or put its "
        "folder there (an environment's bin)",
        word);
  }
  const bool is_there = ::access(word.c_str(), F_OK) == 0;
  return fmt::format(
      "cannot run the program {}: {}", word,
      is_there ? "it is no file that may be executed (chmod +x)" : "it is not there");
}

}  // namespace

std::string path_of_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return is_executable_file(name) ? name : "";
  const char* const search = std::getenv("PATH");
  std::string_view rest = search == nullptr ? "/bin:/usr/bin" : search;
  while (true) {
    const std::size_t colon = rest.find(':');
    const std::string_view folder = rest.substr(0, colon);
    std::string candidate = folder.empty() ? name : fmt::format("{}/{}", folder, name);
    if (is_executable_file(candidate)) return candidate;
    if (colon == std::string_view::npos) return "";
    rest.remove_prefix(colon + 1);
  }
}

std::string why_not_startable(const std::vector<std::string>& argv, const Invocation& invocation) {
  if (argv.empty()) return "";
  std::string why = why_not_found(argv.front());
  const bool is_wrapped = invocation.at > 0 && invocation.at < argv.size();
  if (why.empty() && is_wrapped && invocation.is_found_as_we_do) {
    why = why_not_found(argv[invocation.at]);
  }
  return why;
}

}  // namespace coldload::server
