#include "process/guard.h"

#include <charconv>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "cli/command.h"

namespace coldload::cli {

// For coldload itself: the one argument is the number of an inherited socket.
int run_guard(const std::vector<std::string>& args) {
  const std::string number = args.size() == 1 ? args[0] : "";
  int fd = -1;
  std::from_chars(number.data(), number.data() + number.size(), fd);
  if (fd < 0 || ::fcntl(fd, F_GETFD) < 0) {
    throw UsageError(
        "coldload guard is what coldload starts servers through; it is of no use here");
  }
  process::run_guard(fd);
  // At once: nobody may be left to end what hangs on the way out (a leak checker's tracer did, when
  // the tree was killed around it).
  ::_exit(k_exit_ok);
}

}  // namespace coldload::cli
