// How the ring is cut: threads, slots per thread, bytes per slot.
//
// Layer: load. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace coldload::load {

// Everything is cut at multiples of this: residency, hashes, slots. Large enough to be a multiple
// of every alignment that O_DIRECT asks for.
inline constexpr std::size_t k_block_bytes = std::size_t{1} << 20;

[[nodiscard]] constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// How reads that miss the page cache are kept in flight.
enum class Concurrency {
  queued,    // by each thread, several at a time
  threaded,  // by each thread, one at a time
};

struct Layout {
  unsigned threads = 0;
  unsigned slots = 0;          // per thread
  std::size_t slot_bytes = 0;  // a multiple of k_block_bytes
  [[nodiscard]] std::size_t thread_bytes() const { return slots * slot_bytes; }
  [[nodiscard]] std::size_t ring_bytes() const { return threads * thread_bytes(); }
};

// What becomes of a slot when it has been filled.
enum class Drain {
  at_once,    // it is free again
  by_copies,  // it is the GPU's until a copy is done
};

struct LayoutRequest {
  std::uint64_t ring_bytes = 0;  // upper bound
  unsigned threads = 0;          // 0: chosen by what follows
  unsigned cores = 1;
  Concurrency concurrency = Concurrency::queued;
  Drain drain = Drain::at_once;
};

// Fewer threads than asked for where the ring has not a block for each. Throws os::Error for a ring
// below one block.
[[nodiscard]] Layout layout(const LayoutRequest& request);

}  // namespace coldload::load
