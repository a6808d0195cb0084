// Which way of reading a source is the faster one: tried with the first chunks, settled then.
//
// Layer: stage. Knows nothing of model formats, servers or experiments.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>

#include "os/clock.h"
#include "stage/chunk_reader.h"

namespace coldload::stage {

// Safe to use from several threads. Chunks are given out in rounds, each of one way: what a way's
// chunks took while all threads used it tells its rate. What is tried is copied for good.
class ReadWayChoice {
 public:
  explicit ReadWayChoice(unsigned jobs) : round_chunks_(jobs) {}

  // The way for the next chunk of full size.
  [[nodiscard]] ReadWay next();
  // A chunk of full size took that long.
  void ran(ReadWay way, os::Clock::duration took);
  // The faster one so far; direct where nothing is known.
  [[nodiscard]] ReadWay best();

 private:
  struct Tally {
    std::size_t chunks = 0;
    os::Clock::duration spent{};
  };

  std::mutex mutex_;
  const std::size_t round_chunks_;
  std::size_t given_ = 0;
  std::array<Tally, 2> tallies_;  // by ReadWay
};

}  // namespace coldload::stage
