// The native loader: every byte of a checkpoint's shards into GPU or host memory, once, at the
// path's full rate.
//
//   load::Options options;
//   options.into = load::Into::gpu;
//   load::Loader loader(options);                  // context, ring and threads, in the background
//   const load::Result result = loader.load({{"model.safetensors", bytes}});
//   result.arena->address(0, header.data_begin() + tensor.begin);  // a tensor, as a CUdeviceptr
//
// All shards are split by bytes over a few threads. Each piece takes the route that its residency
// calls for: what is in the page cache is read from there, the rest with O_DIRECT through
// io_uring. The page cache stays as it was found. Beside the arena, memory is one bounded ring
// whatever the checkpoint's size. A path or a kernel that refuses a route gets the next one, and is
// named.
//
// Layer: load. May include gpu/, os/. Knows nothing of model formats: it loads whole files.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/crew.h"
#include "os/pending_call.h"

namespace coldload::load {

class Arena;
class Engine;
class Io;
class Room;

// One file to load, or a run of its bytes, and the file's size as the caller knows it (from its
// validated header). A file that has another size when the loader opens it is an error.
struct Shard {
  std::string path;
  std::uint64_t bytes = 0;  // of the file
  std::uint64_t begin = 0;  // a multiple of k_block_bytes
  std::optional<std::uint64_t> end =
      std::nullopt;  // a multiple of k_block_bytes, or nothing: the file's
  // When it was last changed, as the caller knows it. A file with another time is an error, too.
  std::optional<timespec> modified_at = std::nullopt;

  [[nodiscard]] std::uint64_t wanted_bytes() const { return end.value_or(bytes) - begin; }
};

// Reads held to a network's pace: a rate for all threads together, and a delay for each request
// that overlaps with other requests' delays.
struct Pacing {
  double rate_bytes_per_s = 0;
  std::chrono::nanoseconds latency{0};
};

// Where the bytes go: loaded into what.
enum class Into {
  ring,  // nowhere: they are read into the ring and forgotten, which measures a path alone
  host,  // an Arena in host memory
  gpu,   // an Arena in the memory of Options::gpu
};

// Who takes tensors as they land, instead of waiting for all of them. Called by the loader's
// threads, several at a time; what it throws ends the load.
class Consumer {
 public:
  Consumer() = default;
  virtual ~Consumer() = default;
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // What is wanted of shard `shard` is loaded to `address`, which lies in `room`; nothing of it has
  // landed yet. Who keeps the room keeps its memory.
  virtual void begins(std::uint64_t shard, std::shared_ptr<const Room> room,
                      std::uint64_t address) = 0;
  // These bytes are in the room; `offset` counts in the file.
  virtual void landed(std::uint64_t shard, std::uint64_t offset, std::uint64_t bytes) = 0;
  // Whether it waits for more, and has taken all that has landed.
  [[nodiscard]] virtual bool is_starved() const = 0;
};

struct Options {
  Into into = Into::ring;
  int gpu = 0;           // as CUDA_VISIBLE_DEVICES counts
  unsigned threads = 0;  // 0: as many as the machine and the route call for
  // Upper bound of the memory that data passes through; pinned for a GPU.
  std::uint64_t ring_bytes = 128ULL << 20;
  // Compute Result::checksum, on the way in; for a GPU also of what can be read back from it.
  bool verify = false;
  // Leave in the page cache what had to be read, instead of leaving it as it was found.
  bool keep_pages = false;
  std::optional<Pacing> pacing;  // reads are then issued by threads, not by io_uring
  // Who is told what lands; outlives the loader. Null: nobody.
  Consumer* consumer = nullptr;
  // With a consumer: each shard has a room of its own, and all rooms together take no more than
  // this, unless one alone does, or the consumer is starved and holds on to them all. 0: one room
  // for all.
  std::uint64_t window_bytes = 0;
  // A read or a copy that takes longer is an os::StallError.
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
  std::uint64_t bytes = 0;             // all shards; each byte was read once
  double read_s = 0;                   // load() called -> last byte at its destination
  std::shared_ptr<const Arena> arena;  // null for Into::ring
  // For a GPU: creating its context, pinning the ring, allocating the arena. All of them overlap
  // with reading and with each other.
  std::optional<double> context_s;
  std::optional<double> pin_s;
  std::optional<double> allocate_s;
  RouteBytes routes;
  std::vector<std::string> fallbacks;   // what was refused, and what was done instead
  std::optional<std::string> checksum;  // 16 hex digits, with Options::verify; see checksum.h
  std::uint64_t ring_bytes = 0;         // memory that the ring really has
  unsigned threads = 0;
  unsigned queue_depth = 0;  // requests that one thread can keep in flight
  unsigned in_flight = 0;    // reads of storage by all threads together, as it was found best
  std::uint64_t most_held_bytes = 0;  // with a window: of all rooms at once
};

// Called about every 100 ms, in the thread that called load(), with the bytes that have arrived.
using Progress = std::function<void(std::uint64_t bytes)>;

// Prepares memory, rings, threads and the GPU's context when it is made, in the background, so that
// a caller can read headers meanwhile; gives them back when it is destroyed, which is not part of
// the load and waits for a context that is still being created.
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

  // Waits until everything is prepared: for who wants to time a load alone. Throws os::Error where
  // there is no GPU, or no memory to pin.
  void prepare();

  // Loads all shards. Once per Loader. Throws os::SystemError or os::Error that names path and
  // offset (unreadable, truncated or replaced meanwhile), os::StallError, os::Error when
  // os::interrupted(), and, before anything is read, where the destination has no room: needed and
  // free.
  [[nodiscard]] Result load(const std::vector<Shard>& shards, const Progress& progress = {});

  // For other threads, while load() runs. Has it end soon, with an error.
  void stop() noexcept;
  // The consumer is starved now, which it was not.
  void look_again() noexcept;

 private:
  std::shared_ptr<Engine> engine_;
  os::Crew crew_;
};

}  // namespace coldload::load
