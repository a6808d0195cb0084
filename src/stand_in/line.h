// The line to a stand-in's server: a rate and a number of requests per second, which all of its
// mounts share.
//
// Layer: stand_in. Knows nothing of FUSE.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "os/clock.h"
#include "os/token_bucket.h"
#include "stand_in/pace.h"

namespace coldload::stand_in {

// What an idle line saves up: enough to bridge late wake-ups, little enough that no burst is worth
// mentioning.
inline constexpr std::chrono::milliseconds k_credit{10};

// Thread-safe.
class Line {
 public:
  explicit Line(const Pace& pace);

  // Takes one request of so many bytes, and returns when it is through: never before `now`.
  [[nodiscard]] os::TimePoint reserve(std::uint64_t bytes, os::TimePoint now);

 private:
  std::mutex mutex_;
  os::TokenBucket bytes_;
  std::optional<os::TokenBucket> requests_;
};

}  // namespace coldload::stand_in
