#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "run/reader.h"

namespace coldload::cli {

// For `coldload run`: reads the checkpoint into the page cache, or copies it, and says so on
// stdout.
//   read-ahead [--memory-share S] [--prefer PATTERN] [--weights GLOB] [--start-set FILE] PATH
//   [COPY]
//                                 of PATH, or of COPY where that is up to date
//   read-ahead --copy [--weights GLOB] PATH COPY
//   read-ahead --start-set FILE   of what FILE names alone
//   read-ahead --learn [--prefer PATTERN] [--weights GLOB] --start-set FILE PATH [COPY]
int run_read_ahead(const std::vector<std::string>& args) {
  run::ReaderJob job;
  std::vector<std::string> words = args;
  // `left`: how many words must come behind, so that a path may be called like a flag.
  const auto take = [&words](std::size_t count, std::string_view flag, std::size_t left = 1) {
    if (words.size() < count + left || words[0] != flag) return std::string();
    std::string last = words[count - 1];
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count));
    return last;
  };
  job.copies = !take(1, "--copy").empty();
  job.learns = !take(1, "--learn").empty();
  if (const std::string share = take(2, "--memory-share"); !share.empty()) {
    job.memory_share = std::stod(share);
  }
  job.preferred_weights = take(2, "--prefer");
  job.weights = take(2, "--weights");
  job.start_set = take(2, "--start-set", 0);
  const bool has_any = !words.empty() || (!job.start_set.empty() && !job.learns);
  if (!has_any || words.size() > 2 || (job.learns && job.start_set.empty()) ||
      (job.copies && words.size() != 2)) {
    throw UsageError("coldload read-ahead is what `coldload run` reads with: use that");
  }
  job.reads_checkpoint = !words.empty();
  if (job.reads_checkpoint) job.path = words[0];
  if (words.size() == 2) job.copy = words[1];
  run::run_reader(job);
}

}  // namespace coldload::cli
