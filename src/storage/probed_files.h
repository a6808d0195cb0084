// The files that a read probe reads: opened once, their page cache remembered as it was found, and
// given back like that.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "os/fd.h"
#include "os/file_pages.h"
#include "storage/watched_threads.h"

namespace coldload::storage {

// A request's worth of one file.
struct Block {
  std::size_t file = 0;      // index
  std::uint64_t offset = 0;  // a multiple of k_request_bytes
  std::uint64_t bytes = 0;   // less than k_request_bytes only where the file ends
};

// At most `count` of `paths`: the first, the last, and evenly between.
[[nodiscard]] std::vector<std::string> spread_over(const std::vector<std::string>& paths,
                                                   std::size_t count);

// How many files a probe opens, two descriptors each: enough to tell, and no more than is allowed.
[[nodiscard]] std::size_t most_probed_files();

inline constexpr std::uint64_t k_request_bytes = std::uint64_t{2} << 20;

// Reads from several threads at once are safe; everything else is one thread's.
class ProbedFiles {
 public:
  enum class Way { direct, buffered };

  // `paths` must outlive the threads that read (see PendingCall).
  explicit ProbedFiles(const std::vector<std::string>& paths) : paths_(paths) {}

  // Opens every file and looks at its pages. Throws os::Error that names a file.
  void open(PendingCall& call);

  // Whether O_DIRECT works here; if not, why.
  [[nodiscard]] bool direct() const { return refusal_.empty(); }
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  // Whether a daemon may answer for one of them, which may want to stream each file.
  [[nodiscard]] bool on_fuse() const { return on_fuse_; }
  // Whether the kernel tells us what is in the page cache.
  [[nodiscard]] bool observable() const { return observable_; }

  // Every block of every file in order: those of which no page was resident first.
  [[nodiscard]] std::vector<Block> blocks() const;

  // Reads up to `buffer` bytes (page aligned, whole pages) from `offset`; returns what the file
  // had. A buffered read may bring in pages, also behind the block. Throws os::SystemError.
  std::size_t read(const Block& block, std::uint64_t offset, std::span<std::byte> buffer, Way way,
                   PendingCall& call);

  // Only where observable().
  [[nodiscard]] std::uint64_t resident_bytes(const Block& block) const;
  // Drops the block's pages. False where some of them stay, or where that cannot be seen.
  bool make_absent(const Block& block);
  // Hints for buffered reads: `on` as open(2) leaves it, `off` to read what is asked for alone.
  enum class Readahead { on, off };
  void set_readahead(Readahead readahead);

  // Drops what this probe brought in.
  void drop_what_came();
  // The same, and reads again what make_absent() dropped.
  void restore(PendingCall& call);

 private:
  struct File {
    os::Fd buffered;
    os::Fd direct;  // invalid where O_DIRECT is refused
    std::uint64_t bytes = 0;
    os::FilePages pages;
    std::vector<bool> found;           // per page: resident when we came
    std::vector<unsigned char> dirty;  // per block: may have been changed by us
  };

  // Whole pages of one block.
  struct Run {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  enum class Change { came, gone };

  // Several threads may read parts of one block.
  static void mark_dirty(File& file, const Block& block);
  void open_direct(PendingCall& call);
  // The pages of a block that are resident now and were not when we came; or the other way round.
  [[nodiscard]] static std::vector<Run> changed(const File& file, std::size_t block, Change change);
  static void drop(const File& file, const Run& run);

  const std::vector<std::string>& paths_;
  std::vector<File> files_;
  std::string refusal_;
  bool observable_ = true;
  bool on_fuse_ = false;
};

}  // namespace coldload::storage
