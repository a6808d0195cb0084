#include "measure/rest_evidence.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "text/units.h"

namespace coldload::measure {

namespace {

using text::format_bytes;

// Of what came before: a start reads what it did the last time, but for what chance adds.
constexpr double k_least_share = 0.9;

bool is_most_of(std::uint64_t bytes, std::uint64_t expected) {
  return static_cast<double>(bytes) >= k_least_share * static_cast<double>(expected);
}

std::string doubt_about_reads(const RestEvidence& e) {
  if (!e.came_bytes) {
    return "whether the start read what it reads beside the weights from storage cannot be seen";
  }
  if (*e.came_bytes == 0) {
    return "nothing of what the start reads beside the weights came from storage";
  }
  if (!e.came_bytes_earlier || is_most_of(*e.came_bytes, *e.came_bytes_earlier)) return "";
  // A kernel that takes idle pages back hides what came; the processes' own account does not.
  const std::uint64_t all = e.weight_bytes + *e.came_bytes_earlier;
  if (e.target_bytes && is_most_of(*e.target_bytes, all)) return "";
  return fmt::format(
      "beside the weights only {} came from storage, where an earlier such start read {}",
      format_bytes(*e.came_bytes), format_bytes(*e.came_bytes_earlier));
}

}  // namespace

RestVerdict judge_rest(const RestEvidence& e) {
  using records::Cold;
  if (!e.problem.empty()) return {Cold::unknown, e.problem};
  if (e.files == 0) {
    return {Cold::unknown, "which files the start reads beside the weights is not known"};
  }
  if (!e.resident_bytes_before) {
    return {Cold::unknown,
            "what of the start's other files was in memory before launch cannot be seen"};
  }
  if (*e.resident_bytes_before > 0) {
    return {Cold::not_cold,
            fmt::format("{} of what the start reads beside the weights stayed in memory, though "
                        "nobody is seen to map it: {}",
                        format_bytes(*e.resident_bytes_before), fmt::join(e.leftovers, ", "))};
  }
  if (!e.sees_program) {
    return {Cold::unknown,
            "no file of the server's program or packages could be seen, so whether they were in "
            "memory before launch is not known"};
  }
  if (!is_most_of(e.bytes - e.unseen_bytes, e.bytes)) {
    return {Cold::unknown,
            fmt::format("of {} that the start reads beside the weights, {} lie in files of which "
                        "the kernel does not tell what is in memory",
                        format_bytes(e.bytes), format_bytes(e.unseen_bytes))};
  }
  if (e.wants_no_caches && e.cached_files.value_or(1) > 0) {
    return {e.cached_files ? Cold::not_cold : Cold::unknown,
            e.cached_files
                ? fmt::format("{} files were in the runtime caches before launch", *e.cached_files)
                : "what the runtime caches held before launch is not known"};
  }
  const std::string doubt = doubt_about_reads(e);
  return {doubt.empty() ? Cold::verified : Cold::unknown, doubt};
}

}  // namespace coldload::measure
