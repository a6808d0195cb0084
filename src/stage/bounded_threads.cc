#include "stage/bounded_threads.h"

#include <chrono>
#include <optional>
#include <utility>

#include "os/clock.h"
#include "os/interrupt.h"
#include "storage/watched_threads.h"

namespace coldload::stage {

void throw_if_interrupted() {
  if (os::interrupted()) throw Interrupted();
}

void run_bounded(unsigned count, const std::function<bool(const Calls&)>& is_over,
                 std::function<void(unsigned, os::PendingCall&)> body) {
  constexpr std::chrono::seconds k_end_patience{10};
  std::optional<os::TimePoint> give_up;
  storage::run_watched(
      count,
      [&](const Calls& calls) {
        if (is_over(calls) && !give_up) give_up = os::Clock::now() + k_end_patience;
        return give_up.value_or(os::TimePoint::max());
      },
      std::move(body));
}

}  // namespace coldload::stage
