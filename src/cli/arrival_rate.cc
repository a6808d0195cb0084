#include "cli/arrival_rate.h"

#include <algorithm>

namespace coldload::cli {

void ArrivalRate::note(os::TimePoint now, std::uint64_t bytes) {
  if (!since_) {
    since_ = now;
    bytes_then_ = bytes;
    return;
  }
  // A few small files tell nothing of how fast the large ones come, whose blocks are this large.
  constexpr std::uint64_t k_telling_bytes = std::uint64_t{4} << 20;
  constexpr double k_telling_s = 2;
  constexpr double k_window_s = 10;
  const double seconds = os::seconds_between(*since_, now);
  const std::uint64_t arrived = bytes - std::min(bytes_then_, bytes);
  const bool is_telling = seconds >= k_telling_s && arrived >= k_telling_bytes;
  if (is_telling) rate_ = static_cast<double>(arrived) / seconds;
  if (seconds < k_window_s) return;
  if (!is_telling) rate_.reset();
  since_ = now;
  bytes_then_ = bytes;
}

}  // namespace coldload::cli
