// The native loader: every byte of a checkpoint's shards into memory, once, at the path's full
// rate.
//
// All shards are split by bytes over a few threads. Each extent takes the route that its residency
// calls for: what is in the page cache is read from there, the rest with O_DIRECT through
// io_uring, so that the page cache stays as it was found. Memory is one bounded ring whatever the
// checkpoint's size. A path or a kernel that refuses a route gets the next one, and is named.
//
// Layer: load. May include os/ and text/. Knows nothing of model formats: it reads whole files.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "os/clock.h"
#include "os/error.h"

namespace coldload::load {

class Engine;
class Io;

// One file to load, and its size as the caller knows it (from its validated header). A file that
// has another size when the loader opens it is an error.
struct Shard {
  std::string path;
  std::uint64_t bytes = 0;
};

// Reads held to a network's pace: a rate for all threads together, and a delay for each request
// that overlaps with other requests' delays.
struct Pacing {
  double rate_bytes_per_s = 0;
  std::chrono::nanoseconds latency{0};
};

struct Options {
  unsigned threads = 0;                     // 0: as many as the machine and the route call for
  std::uint64_t ring_bytes = 128ULL << 20;  // upper bound of the memory that data lands in
  bool verify = false;                      // compute Result::checksum
  std::optional<Pacing> pacing;             // reads are then issued by threads, not by io_uring
  std::chrono::nanoseconds io_stall_timeout = std::chrono::seconds(60);
  bool use_io_uring = true;  // false: as if the kernel refused it
  bool use_direct = true;    // false: as if every file refused O_DIRECT
};

// Bytes by the route they took. "direct": O_DIRECT. "buffered": through the page cache.
struct RouteBytes {
  std::uint64_t io_uring_direct = 0;
  std::uint64_t io_uring_buffered = 0;
  std::uint64_t pread_direct = 0;
  std::uint64_t pread_buffered = 0;
};

struct Result {
  std::uint64_t bytes = 0;  // all shards; each byte was read once
  double read_s = 0;        // load() called -> last byte in memory
  RouteBytes routes;
  std::vector<std::string> fallbacks;   // what was refused, and what was done instead
  std::optional<std::string> checksum;  // 16 hex digits, with Options::verify; see checksum.h
  std::uint64_t ring_bytes = 0;         // memory that the ring really has
  unsigned threads = 0;
  unsigned queue_depth = 0;  // requests that one thread keeps in flight
};

// A read that did not return within Options::io_stall_timeout. The thread that waits for it cannot
// be stopped: it is left behind with what it needs. A program of its own should now _exit.
class StallError : public os::Error {
 public:
  using os::Error::Error;
};

// Called about every 100 ms, in the thread that called load(), with the bytes that have arrived.
using Progress = std::function<void(std::uint64_t bytes)>;

// Prepares memory, rings and threads when it is made, so that a caller can read headers meanwhile;
// gives them back when it is destroyed, which is not part of the load.
class Loader {
 public:
  // Throws os::Error where the options cannot be met (a ring below 1 MiB).
  explicit Loader(const Options& options);
  // The same, with every Io passed through `wrap`: how tests make reads fail.
  using WrapIo = std::function<std::unique_ptr<Io>(std::unique_ptr<Io>)>;
  Loader(const Options& options, const WrapIo& wrap);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // Reads all shards. Once per Loader. Throws os::SystemError or os::Error that names path and
  // offset (unreadable, truncated or replaced meanwhile), StallError, and os::Error when
  // os::interrupted().
  [[nodiscard]] Result load(const std::vector<Shard>& shards, const Progress& progress = {});

 private:
  void end_threads() noexcept;

  std::shared_ptr<Engine> engine_;
  std::vector<std::thread> threads_;
};

}  // namespace coldload::load
