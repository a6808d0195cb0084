#include "report/cache_writes.h"

#include <fmt/format.h>

#include "findings/cache_writes.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

std::string sentence_of(const findings::CacheWrites& writes, const Arm& arm) {
  const bool is_one = writes.starts == 1;
  const bool is_cold = writes.mode == &arm.cold;
  const std::string what =
      fmt::format("{} of {} {}{} {} {}", writes.starts, writes.told, is_cold ? "cold " : "",
                  writes.told == 1 ? "start" : "starts", is_cold ? "on" : "of",
                  markdown_code(writes.mode->label));
  const std::string wrote =
      fmt::format("wrote {} {} ({}{})", writes.files, writes.files == 1 ? "file" : "files",
                  format_bytes(writes.bytes), is_one ? "" : " in all");
  const std::string to =
      writes.found == records::Caches::filled
          ? fmt::format("found the runtime caches empty and {} to them", wrote)
          : fmt::format("{} to runtime caches that earlier starts had filled", wrote);
  return fmt::format("**{} {}:** part of {} time is compilation, not storage.", what, to,
                     is_one ? "its" : "their");
}

}  // namespace

std::vector<std::string> cache_writes_text(const Comparison& comparison, const Arm& arm) {
  std::vector<std::string> sentences;
  for (const findings::CacheWrites& writes : findings::cache_writes_of(comparison, arm)) {
    sentences.push_back(sentence_of(writes, arm));
  }
  return sentences;
}

}  // namespace coldload::report
