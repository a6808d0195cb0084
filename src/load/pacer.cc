#include "load/pacer.h"

#include <algorithm>
#include <chrono>

namespace coldload::load {

os::TimePoint Pacer::arrival(os::TimePoint now, std::uint64_t bytes) {
  const auto transfer = std::chrono::duration_cast<os::Clock::duration>(
      os::Seconds(static_cast<double>(bytes) / pacing_.rate_bytes_per_s));
  const std::lock_guard lock(mutex_);
  link_free_at_ = std::max(link_free_at_, now) + transfer;
  return link_free_at_ + pacing_.latency;
}

}  // namespace coldload::load
