// Reads a file's chunks, from several threads, around the page cache or through it.
//
// Layer: stage. Knows nothing of model formats, servers or experiments.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "os/fd.h"
#include "os/file_pages.h"
#include "os/pending_call.h"
#include "stage/manifest.h"

namespace coldload::stage {

// How a source is read. Which is faster depends on the mount.
enum class ReadWay { direct, buffered };
[[nodiscard]] const char* to_string(ReadWay way);

// What a thread reads into: page aligned, this large.
inline constexpr std::size_t k_copy_block_bytes = std::size_t{4} << 20;
// How many threads may have blocks of which size, so that a machine or a memory cgroup with little
// memory left is not exhausted by them.
struct BlockBudget {
  unsigned threads = 1;
  std::size_t block_bytes = k_copy_block_bytes;  // a whole number of pages
};
// At most a quarter of what is `available` (nothing: not known), by smaller blocks first, by fewer
// threads than are `wanted` then; one thread with a small block is the least.
[[nodiscard]] BlockBudget block_budget(unsigned wanted, std::optional<std::uint64_t> available);

inline constexpr std::size_t k_direct_alignment = 4096;  // of O_DIRECT: offsets, lengths, memory
// Below that, opening a file twice costs more than it gains.
inline constexpr std::uint64_t k_small_file_bytes = std::uint64_t{1} << 20;

// `bytes` rounded up to what O_DIRECT wants.
[[nodiscard]] constexpr std::size_t aligned(std::uint64_t bytes) {
  return static_cast<std::size_t>((bytes + k_direct_alignment - 1) / k_direct_alignment *
                                  k_direct_alignment);
}
// Whether a call failed because O_DIRECT is refused.
[[nodiscard]] bool refuses_direct(int error_number);

// Opens one file, always the same, for open(2)'s flags. Throws os::Error.
using Opener = std::function<os::Fd(int flags)>;
// With O_DIRECT; an invalid Fd where that is refused.
[[nodiscard]] os::Fd try_open_direct(const Opener& open, int flags);

// Given each block of a chunk, its place in the file and `true` until the rest is not wanted.
using BlockSink = std::function<bool(std::uint64_t offset, std::span<std::byte> block)>;

// The hash of chunk `index` of a file of `bytes`, block by block as `read` fills them; nothing
// where it ended that.
[[nodiscard]] std::optional<Hash> hash_of_chunk(std::uint64_t bytes, std::size_t index,
                                                std::span<std::byte> buffer, const BlockSink& read);

class ChunkReader {
 public:
  // `path`, to be shown, and what `opener` uses must outlive the threads that read. `bytes`: what
  // the file is taken to have.
  ChunkReader(const std::string& path, std::uint64_t bytes, Opener opener)
      : path_(path), bytes_(bytes), opener_(std::move(opener)) {}

  // One thread's. Throws os::Error.
  void open(os::PendingCall& call);
  void close();
  // Whether the file lets itself be read with O_DIRECT, known after open().
  [[nodiscard]] bool direct() const { return direct_; }

  // Whether chunk `index` is in the page cache, as far as some of its pages tell: then O_DIRECT
  // would fetch again what is there. False where the kernel does not tell.
  [[nodiscard]] bool in_memory(std::size_t index) const;

  // Reads chunk `index` block by block, hands each to `sink`, and returns the chunk's hash; nothing
  // where the sink ended it. Throws os::Error: a read that fails, a file that is shorter than
  // `bytes`.
  std::optional<Hash> read(std::size_t index, ReadWay way, std::span<std::byte> buffer,
                           os::PendingCall& call, const BlockSink& sink);

 private:
  void fill(std::uint64_t offset, std::span<std::byte> block, ReadWay way, os::PendingCall& call);

  const std::string& path_;
  const std::uint64_t bytes_;
  const Opener opener_;
  std::atomic<bool> direct_{false};
  os::Fd direct_file_;
  os::Fd buffered_file_;
  os::FilePages pages_;  // of a file that can be read with O_DIRECT
};

}  // namespace coldload::stage
