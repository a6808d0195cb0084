// Brings what a start set names into the page cache beside the server that will ask for it: in
// order of first touch, but for the weights, whose reading is somebody else's.
//
// What the set says is a wish: a file is read only where it is still the one that it was, by size
// and time of change. What is in memory is left alone. Threads that hang in the kernel are left
// behind with all that they use: a program should then _exit.
//
// Layer: run. In the reader process. Knows nothing of models or servers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/clock.h"
#include "os/crew.h"
#include "os/memory.h"
#include "start_set/start_set.h"

namespace coldload::run {

struct StartSetReaderOptions {
  unsigned threads = 8;
  // What the page cache could grow to, asked again and again; nothing counts as no memory.
  std::function<std::optional<std::uint64_t>()> available_bytes = os::available_memory_bytes;
};

struct StartSetOutcome {
  std::uint64_t read_bytes = 0;    // what was not in the page cache just before
  bool at_most = false;            // of some of it nobody could see whether it was
  std::uint64_t files = 0;         // that are as they were
  std::uint64_t left_out = 0;      // that are not, and
  std::vector<std::string> named;  // the first few of them in the set, and why
  bool had_room = true;            // memory had room for all
};

// Owns its threads. Not to be copied or moved; its functions are for one thread, but for
// wait_for_front().
class StartSetReader {
 public:
  // Looks at no file.
  StartSetReader(start_set::StartSet set, const StartSetReaderOptions& options);
  ~StartSetReader();
  StartSetReader(const StartSetReader&) = delete;
  StartSetReader& operator=(const StartSetReader&) = delete;

  // Files and bytes that the set names, without the weights.
  [[nodiscard]] std::uint64_t files() const;
  [[nodiscard]] std::uint64_t bytes() const;

  // Starts the threads; fewer where no more are to be had. Throws os::Error where there are none.
  void start();
  // Lets every thread end after the call that it is in. Does not wait.
  void stop() noexcept;
  // Waits until all threads have ended; false where some have not at `deadline`.
  [[nodiscard]] bool wait_until(os::TimePoint deadline) const { return crew_.wait_until(deadline); }
  [[nodiscard]] StartSetOutcome outcome() const;

  // Waits until all that the start touches before its weights has been read, as far as it lies on
  // the mount of the file `weights` and would be read beside them; no longer than it goes on, and
  // not where `is_over` says so.
  void wait_for_front(const std::string& weights, const std::function<bool()>& is_over) const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  os::Crew crew_;
};

}  // namespace coldload::run
