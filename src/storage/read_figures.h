// What a read probe finds: rates and latencies, each with its reason where it is missing.
//
// Layer: storage. Pure data and functions, but for ReadTally's lock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "os/clock.h"

namespace coldload::storage {

// A measured rate, or why there is none.
struct ReadRate {
  std::optional<double> bytes_per_s;
  std::string reason;       // empty where there is a rate
  std::uint64_t bytes = 0;  // what it was measured over
  double seconds = 0;
};

// From storage, 2 MiB a request.
struct LevelRate {
  unsigned in_flight = 1;
  ReadRate rate;
};

// Of single reads of 4 KiB at random places, one after the other.
struct ReadLatency {
  std::optional<double> median_s;
  std::optional<double> p99_s;  // from 100 reads on
  std::string reason;           // why there is no median
  std::uint64_t reads = 0;
};

struct ReadFigures {
  std::size_t files = 0;  // opened and read, of those given
  // Whether `levels` and `latency` went around the page cache; if not, why, and evicted pages were
  // read through it.
  bool direct = false;
  std::string not_direct_reason;
  std::vector<LevelRate> levels;
  ReadRate sequential;  // one reader with read(2), 128 KiB at a time, and the mount's readahead
  ReadLatency latency;
  ReadRate page_cache;
  unsigned page_cache_threads = 0;

  // The fastest of `levels` and `sequential`; nothing where nothing was measured.
  [[nodiscard]] std::optional<double> best_bytes_per_s() const;
  // The requests in flight of the fastest level; 0 where the one buffered reader was faster.
  [[nodiscard]] unsigned best_in_flight() const;
};

// Bytes that several threads read between the first one's start and the last one's end.
// Thread-safe.
class ReadTally {
 public:
  void add(os::TimePoint begin, os::TimePoint end, std::uint64_t bytes);
  // `reason`: why nothing was read, if nothing was. Less than 64 MiB in less than 0.1 s gives no
  // rate: a token bucket's or a drive's buffer would pass for the path.
  [[nodiscard]] ReadRate rate(const std::string& reason) const;

 private:
  mutable std::mutex mutex_;
  os::TimePoint begin_;
  os::TimePoint end_;
  std::uint64_t bytes_ = 0;
};

// How many of `blocks` unread requests each part may read, in this order: every level, the one
// buffered reader, small reads. A level gets whole rounds of its requests in flight, or nothing.
[[nodiscard]] std::vector<std::size_t> share_blocks(std::size_t blocks,
                                                    const std::vector<unsigned>& in_flight);

// How many requests' worth the one buffered reader may be given: twice what the best rate so far
// reads in its time, between 64 MiB and 2 GiB. What of it is resident is evicted before, and read
// again afterwards.
[[nodiscard]] std::size_t blocks_for_one_reader(std::optional<double> best_bytes_per_s,
                                                std::chrono::nanoseconds time);

}  // namespace coldload::storage
