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

// At most `ring_bytes` in all. `threads` 0 chooses: one per core where reads are queued, eight
// where a thread is what a request waits in. Fewer threads than asked for where the ring has not
// a block for each. Throws os::Error for a ring below one block.
[[nodiscard]] Layout layout(std::uint64_t ring_bytes, unsigned threads, unsigned cores,
                            Concurrency concurrency);

}  // namespace coldload::load
