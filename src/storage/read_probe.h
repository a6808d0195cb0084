// How fast given files can be read here: from storage with several requests in flight, by one
// buffered reader, from the page cache, and how long a small read takes.
//
// No figure is of bytes that the probe read from storage before: a virtual machine's host may keep
// what was just read, and answer the second time from memory. Twice read are only the 4 KiB that
// tell whether O_DIRECT works, and what restoring brings back. The page cache is left as it was
// found.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "os/clock.h"
#include "storage/read_figures.h"
#include "storage/watched_threads.h"

namespace coldload::storage {

struct ReadProbeOptions {
  std::vector<unsigned> in_flight{1, 2, 4, 8, 16, 32, 64};
  // How long each part may start new reads.
  std::chrono::nanoseconds level_time = std::chrono::milliseconds(1500);
  std::chrono::nanoseconds sequential_time = std::chrono::milliseconds(2500);
  std::chrono::nanoseconds latency_time = std::chrono::milliseconds(1000);
  std::chrono::nanoseconds page_cache_time = std::chrono::milliseconds(1500);
  // Most that is kept in the page cache for its own figure.
  std::uint64_t page_cache_bytes = std::uint64_t{1} << 30;
  // Why storage is not to be measured ("tmpfs is memory"); empty: it is.
  std::string no_storage_reason;
  // No part starts after it; a read that has not returned 10 s later is a os::StallError.
  os::TimePoint deadline = os::Clock::now() + std::chrono::seconds(20);
  // Called in the caller's thread before each part, in words.
  std::function<void(const std::string&)> progress = [](const std::string&) {};
};

// `paths`: regular files; of more than 256, a spread is opened and read. Throws os::SystemError
// that names path and offset where a read fails, os::StallError, and os::Error when
// os::interrupted(), the page cache given back before.
[[nodiscard]] ReadFigures probe_reads(const std::vector<std::string>& paths,
                                      const ReadProbeOptions& options);

}  // namespace coldload::storage
