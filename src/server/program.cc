#include "server/program.h"

#include <fmt/format.h>
#include <unistd.h>

#include "os/path.h"

namespace coldload::server {

namespace {

std::string why_not_found(const std::string& word) {
  if (word.find('{') != std::string::npos) return "";  // a path's own
  if (!os::find_program(word).empty()) return "";
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
