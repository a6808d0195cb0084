#include <cstddef>
#include <optional>

#include "cli/command.h"
#include "run/reader.h"

namespace coldload::cli {

// For `coldload run`: reads the checkpoint into the page cache, or copies it, and says so on
// stdout.
//   read-ahead [--memory-share S] [--prefer PATTERN] PATH [COPY]
//                                 of PATH, or of COPY where that is up to date
//   read-ahead --copy PATH COPY
int run_read_ahead(const std::vector<std::string>& args) {
  run::ReaderJob job;
  std::vector<std::string> words = args;
  if (words.size() > 2 && words[0] == "--memory-share") {
    job.memory_share = std::stod(words[1]);
    words.erase(words.begin(), words.begin() + 2);
  }
  if (words.size() > 2 && words[0] == "--prefer") {
    job.preferred_weights = words[1];
    words.erase(words.begin(), words.begin() + 2);
  } else if (words.size() == 3 && words[0] == "--copy") {
    job.copies = true;
    words.erase(words.begin());
  }
  if (words.empty() || words.size() > 2) {
    throw UsageError("coldload read-ahead is what `coldload run` reads with: use that");
  }
  job.path = words[0];
  if (words.size() == 2) job.copy = words[1];
  run::run_reader(job);
}

}  // namespace coldload::cli
