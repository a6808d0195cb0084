// Brings files into the page cache beside somebody who is about to read them: in order, with
// several reads in flight, and never more than memory has room for. A FUSE mount whose daemon wants
// to stream each file is read like that (streams/stream_choice).
//
// What is there already is left alone, so whoever overtakes it costs it nothing. A failure is an
// outcome, not an error: the other reader will meet it, or not. Threads that hang in the kernel are
// left behind with all that they use: a program should then _exit.
//
// Layer: storage. Knows nothing of model formats or servers.
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

namespace coldload::storage {

struct ReadAheadOptions {
  unsigned threads = 16;
  std::uint64_t piece_bytes = std::uint64_t{2} << 20;  // what one thread takes at a time
  // What one request may ask the kernel for: the mount's readahead.
  std::uint64_t window_bytes = 128 << 10;
  // What the page cache could grow to, asked again and again; nothing counts as no memory.
  std::function<std::optional<std::uint64_t>()> available_bytes = os::available_memory_bytes;
  // What is read should be seen in the page cache afterwards; where it is not, reading is of no
  // use and ends. False where a file system has a cache of its own.
  bool must_stay = true;
};

struct ReadAheadOutcome {
  enum class End {
    running,
    all,      // nothing is left to read
    no_room,  // what is left has no room in memory
    stopped,
    useless,  // what was read was not in the page cache afterwards
  };
  End end = End::running;
  // What was not in the page cache just before it was read, where the kernel tells; else all.
  std::uint64_t read_bytes = 0;
  std::string problem;  // the first file that could not be read, and why; the others were
  // Places of one file that were read at once in the end; nothing where nobody had to find out.
  std::optional<unsigned> streams;
};

// Owns its threads. Not to be copied or moved; its functions are for one thread.
class ReadAhead {
 public:
  // Opens `paths`, regular files in the order in which they will be wanted, and looks at what is
  // resident; reads nothing so far.
  ReadAhead(const std::vector<std::string>& paths, const ReadAheadOptions& options);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  [[nodiscard]] std::uint64_t file_bytes() const;
  // Not in the page cache when this was made; nothing where the kernel does not tell about every
  // file.
  [[nodiscard]] std::optional<std::uint64_t> absent_bytes() const;
  // How many of the files' first bytes have room in memory now, those there already included: four
  // fifths of what is available, the rest being for the other reader.
  [[nodiscard]] std::uint64_t room_bytes() const;

  // Starts the threads; fewer where no more are to be had. Throws os::Error where there are none.
  void start();
  // Lets every thread end after the call that it is in. Does not wait.
  void stop() noexcept;
  // Waits until all threads have ended; false where some have not at `deadline`.
  [[nodiscard]] bool wait_until(os::TimePoint deadline) const { return crew_.wait_until(deadline); }
  [[nodiscard]] ReadAheadOutcome outcome() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  os::Crew crew_;
};

}  // namespace coldload::storage
