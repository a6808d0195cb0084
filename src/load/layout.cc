#include "load/layout.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "os/error.h"

namespace coldload::load {

namespace {

constexpr unsigned k_most_threads_by_default = 8;
constexpr std::size_t k_largest_slot_bytes = 4 * k_block_bytes;
constexpr unsigned k_fewest_slots_wanted = 8;  // smaller slots rather than a shallow queue
constexpr unsigned k_most_slots = 64;

}  // namespace

Layout layout(std::uint64_t ring_bytes, unsigned threads, unsigned cores, Concurrency concurrency) {
  if (ring_bytes < k_block_bytes) {
    throw os::Error(fmt::format("cannot load with a ring of {} bytes: it needs {} at least",
                                ring_bytes, k_block_bytes));
  }
  if (threads == 0) {
    // A queue keeps a disk busy from one thread; a thread per core left none for the interrupts,
    // and read a cold disk at 0.82 of one thread's rate on 2 cores (bench/native_loader).
    threads = concurrency == Concurrency::threaded
                  ? k_most_threads_by_default
                  : std::clamp(cores / 2, 1U, k_most_threads_by_default);
  }
  const std::size_t blocks = ring_bytes / k_block_bytes;
  Layout result;
  result.threads = static_cast<unsigned>(std::min<std::size_t>(threads, blocks));
  const std::size_t share_blocks = blocks / result.threads;
  const unsigned wanted = concurrency == Concurrency::queued ? k_fewest_slots_wanted : 1;
  const std::size_t slot_blocks = std::bit_floor(std::max<std::size_t>(share_blocks / wanted, 1));
  result.slot_bytes = std::min(slot_blocks * k_block_bytes, k_largest_slot_bytes);
  const std::size_t slots = share_blocks * k_block_bytes / result.slot_bytes;
  result.slots = concurrency == Concurrency::queued
                     ? static_cast<unsigned>(std::min<std::size_t>(slots, k_most_slots))
                     : 1;
  return result;
}

}  // namespace coldload::load
