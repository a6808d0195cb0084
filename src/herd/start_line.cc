#include "herd/start_line.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>

namespace coldload::herd {

namespace {

using std::chrono::nanoseconds;

constexpr std::string_view k_can = "can";
// Of the first rank, with one that is there.
constexpr std::chrono::seconds k_clock_patience{60};
// From the agreement to the launch: each node looks once more at what is in its memory meanwhile.
constexpr std::chrono::milliseconds k_lead{500};

}  // namespace

std::optional<os::TimePoint> RankStartLine::meet() { return meet(true); }

std::optional<os::TimePoint> RankStartLine::meet(bool can_launch) {
  met_ = true;
  const std::vector<std::string> said =
      ranks_.gather(std::string(can_launch ? k_can : ""), patience_.before_launch);
  // The others have said their word and wait here: for what the first rank still does itself, and
  // then for the last of them.
  offset_ = ranks_.compare_clocks(ranks_.is_first() ? nanoseconds(k_clock_patience)
                                                    : 2 * patience_.before_launch);
  const bool all_can =
      std::all_of(said.begin(), said.end(), [](const auto& one) { return one == k_can; });
  std::string agreed;
  if (ranks_.is_first() && all_can) {
    agreed = fmt::format("{}", on_first_clock(os::Clock::now() + k_lead));
  }
  agreed = ranks_.tell(agreed, patience_.before_launch);
  std::int64_t launch_ns = 0;
  const char* const end = agreed.data() + agreed.size();
  if (std::from_chars(agreed.data(), end, launch_ns).ptr != end || agreed.empty()) {
    return std::nullopt;
  }
  return os::TimePoint(nanoseconds(launch_ns) + offset_.ahead + delay_);
}

void RankStartLine::finish() {
  finished_ = true;
  static_cast<void>(ranks_.gather("", patience_.to_ready));
  static_cast<void>(ranks_.tell("", patience_.to_ready));
}

void RankStartLine::pass() {
  if (!met_) static_cast<void>(meet(false));
  if (!finished_) finish();
}

std::uint64_t RankStartLine::on_first_clock(os::TimePoint at) const {
  const nanoseconds since = at.time_since_epoch();
  return static_cast<std::uint64_t>((since - offset_.ahead).count());
}

}  // namespace coldload::herd
