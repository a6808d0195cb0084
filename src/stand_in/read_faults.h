// Faults on purpose: which reads of a stand-in fail, and which are never answered.
//
// Layer: stand_in. Knows nothing of files or FUSE.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace coldload::stand_in {

struct ReadFaults {
  std::optional<std::uint64_t> fail_after_bytes = std::nullopt;  // then every read fails
  std::optional<std::uint64_t> hang_after_bytes = std::nullopt;  // then no read is answered
  double error_share = 0;  // of the read requests, 0 to 1, that fail
  std::uint64_t seed = 1;  // of which these are

  [[nodiscard]] bool any() const { return fail_after_bytes || hang_after_bytes || error_share > 0; }
};

// "reads fail after 1.00 GB, 1 % of the read requests fail": what goes wrong on purpose.
[[nodiscard]] std::string to_string(const ReadFaults& faults);

enum class ReadFate { serve, fail, hang };

// Decides request by request, in order of arrival. Thread-safe.
class FaultGate {
 public:
  explicit FaultGate(const ReadFaults& faults) : faults_(faults) {}

  // `bytes`: what the request would be served. A request is served whole or not at all: the first
  // that would go beyond a limit fails (or hangs), and so do all after it. Request number n of a
  // given seed has the same fate each time.
  [[nodiscard]] ReadFate decide(std::uint64_t bytes);

 private:
  ReadFaults faults_;
  std::mutex mutex_;
  std::uint64_t requests_ = 0;
  std::uint64_t served_bytes_ = 0;
  bool failing_ = false;
  bool hanging_ = false;
};

}  // namespace coldload::stand_in
