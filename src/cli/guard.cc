#include "process/guard.h"

#include <charconv>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "cli/command.h"

namespace coldload::cli {

// For coldload itself: the number of an inherited socket, and for a hook a word that says so.
int run_guard(const std::vector<std::string>& args) {
  const bool is_hook = args.size() == 2 && args[1] == process::k_hook_word;
  const std::string number = args.size() == 1 || is_hook ? args[0] : "";
  int fd = -1;
  std::from_chars(number.data(), number.data() + number.size(), fd);
  if (fd < 0 || ::fcntl(fd, F_GETFD) < 0) {
    throw UsageError(
        "coldload guard is what coldload starts servers through; it is of no use here");
  }
  process::run_guard(fd, is_hook ? process::Charge::hook : process::Charge::server);
  // At once: nobody may be left to end what hangs on the way out (a leak checker's tracer did, when
  // the tree was killed around it).
  ::_exit(k_exit_ok);
}

}  // namespace coldload::cli
