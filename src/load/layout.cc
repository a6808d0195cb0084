#include "load/layout.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "os/error.h"

namespace coldload::load {

namespace {

constexpr unsigned k_most_queued_threads = 8;
constexpr unsigned k_waiting_threads = 16;
constexpr unsigned k_most_copying_threads = 16;
constexpr std::size_t k_largest_slot_bytes = 4 * k_block_bytes;
// Copies of 2 MiB run at full rate; larger ones fall out of the CPU's cache before they are copied
// (bench/loaders).
constexpr std::size_t k_copied_slot_bytes = 2 * k_block_bytes;
constexpr unsigned k_fewest_slots_wanted = 8;  // smaller slots rather than a shallow queue
constexpr unsigned k_fewest_copied_slots = 4;  // one is filled while others are copied
constexpr unsigned k_most_slots = 64;

unsigned threads_for(const LayoutRequest& request) {
  if (request.threads != 0) return request.threads;
  // Out of the page cache every thread copies, and the GPU's bus takes what three quarters of 16
  // cores deliver; the rest is for the interrupts and the driver.
  const bool waiting = request.concurrency == Concurrency::threaded;
  if (request.drain == Drain::by_copies && !waiting) {
    return std::clamp(request.cores * 3 / 4, 1U, k_most_copying_threads);
  }
  if (waiting) return k_waiting_threads;
  // A queue keeps a disk busy from one thread; a thread per core left none for the interrupts, and
  // read a cold disk at 0.82 of one thread's rate on 2 cores (bench/native_loader).
  return std::clamp(request.cores / 2, 1U, k_most_queued_threads);
}

}  // namespace

Layout layout(const LayoutRequest& request) {
  if (request.ring_bytes < k_block_bytes) {
    throw os::Error(fmt::format("cannot load with a ring of {} bytes: it needs {} at least",
                                request.ring_bytes, k_block_bytes));
  }
  const std::size_t blocks = request.ring_bytes / k_block_bytes;
  Layout result;
  result.threads = static_cast<unsigned>(std::min<std::size_t>(threads_for(request), blocks));
  const std::size_t share_blocks = blocks / result.threads;
  const bool copied = request.drain == Drain::by_copies;
  const bool queued = request.concurrency == Concurrency::queued;
  unsigned wanted = 1;
  if (queued) wanted = k_fewest_slots_wanted;
  if (copied) wanted = k_fewest_copied_slots;
  const std::size_t slot_blocks = std::bit_floor(std::max<std::size_t>(share_blocks / wanted, 1));
  result.slot_bytes =
      std::min(slot_blocks * k_block_bytes, copied ? k_copied_slot_bytes : k_largest_slot_bytes);
  const std::size_t slots = share_blocks * k_block_bytes / result.slot_bytes;
  result.slots =
      queued || copied ? static_cast<unsigned>(std::min<std::size_t>(slots, k_most_slots)) : 1;
  return result;
}

}  // namespace coldload::load
