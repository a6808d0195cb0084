// The processes that mpirun started, one on each node, and what they tell each other. All of MPI is
// here.
//
// Every wait is bounded, heeds an interrupt, and sleeps between looks: a rank that waits takes no
// processor from a server that starts beside it. What ranks give each other is bytes; all of them
// call the same functions in the same order.
//
// Layer: herd. Knows nothing of what is told.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "os/error.h"

namespace coldload::herd {

// Others did not answer in time, or this rank was told to stop: nothing that all do together can
// follow.
class OutOfStep : public os::Error {
 public:
  using os::Error::Error;
};

// How this rank's os::Clock stands to the first rank's.
struct ClockOffset {
  std::chrono::nanoseconds ahead{};       // of the first rank's; negative: behind it
  std::chrono::nanoseconds error_most{};  // half of the shortest round trip that was seen
};

class Ranks {
 public:
  // Throws os::Error where MPI cannot be used.
  Ranks();
  // Waits for the others, which must be in step: else end_all() is the way out.
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }
  [[nodiscard]] bool is_first() const { return rank_ == 0; }

  // What each rank gives, by rank; nothing, of all but the first. Throws OutOfStep that names who
  // gave nothing within `limit`.
  [[nodiscard]] std::vector<std::string> gather(const std::string& mine,
                                                std::chrono::nanoseconds limit) const;
  // What the first rank gives, of all. The others wait for it twice as long: it may wait itself.
  [[nodiscard]] std::string tell(const std::string& text, std::chrono::nanoseconds limit) const;
  // By round trips to the first rank, one rank after the other.
  [[nodiscard]] ClockOffset compare_clocks(std::chrono::nanoseconds limit) const;

  // What ranks are called in messages, by rank; "rank 3" until then.
  void name(std::vector<std::string> hosts) { hosts_ = std::move(hosts); }
  // "rank 3 (node-b)"
  [[nodiscard]] std::string name_of(int rank) const;

  // Ends all ranks with that code, in whatever they are.
  [[noreturn]] static void end_all(int exit_code);

 private:
  void send(int to, const std::string& text, std::chrono::nanoseconds limit) const;
  [[nodiscard]] std::string receive(int from, std::chrono::nanoseconds limit) const;

  int rank_ = 0;
  int size_ = 1;
  std::vector<std::string> hosts_;
};

}  // namespace coldload::herd
