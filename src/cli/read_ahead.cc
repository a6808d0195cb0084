#include "cli/command.h"
#include "run/reader.h"

namespace coldload::cli {

// For `coldload run`: reads the checkpoint into the page cache, or copies it, and says so on
// stdout.
//   read-ahead PATH [COPY]    of PATH, or of COPY where that is an up-to-date copy
//   read-ahead --copy PATH COPY
int run_read_ahead(const std::vector<std::string>& args) {
  const bool copies = args.size() == 3 && args[0] == "--copy";
  if (!copies && args.size() != 1 && args.size() != 2) {
    throw UsageError("coldload read-ahead is what `coldload run` reads with: use that");
  }
  if (copies) run::run_reader({args[1], args[2], true});
  run::run_reader({args[0], args.size() == 2 ? args[1] : "", false});
}

}  // namespace coldload::cli
