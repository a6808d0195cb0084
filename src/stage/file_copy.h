// One file on its way from the source to the destination, chunk by chunk, from several threads.
//
// Layer: stage. Knows nothing of journals or of when to stop.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "os/directory.h"
#include "os/fd.h"
#include "os/pending_call.h"
#include "stage/chunk_reader.h"
#include "stage/manifest.h"
#include "stage/source_root.h"
#include "stage/source_tree.h"

namespace coldload::stage {

class FileCopy {
 public:
  // All must outlive the threads that copy. The copy has the file's name in `data`, a directory
  // that nobody else can write.
  FileCopy(const SourceRoot& root, const SourceFile& file, const os::Directory& data)
      : file_(file),
        source_(file.real_path, file.bytes,
                [&root, &file](int flags) { return open_scanned(root, file, flags); }),
        data_(data),
        destination_(data.path_of(file.name)) {}

  // Opens both sides and reserves the room, the first time. Safe to call from every thread. Throws
  // os::Error.
  void open(os::PendingCall& call);

  // Reads chunk `index`, hashes it and writes it. `may_go_on` is told each block's bytes after they
  // were read, and may end it: nothing is returned then. `buffer`: k_copy_block_bytes. Throws
  // os::Error: EIO, ENOSPC, a source that is shorter than it was.
  std::optional<Hash> copy(std::size_t index, ReadWay way, std::span<std::byte> buffer,
                           os::PendingCall& call,
                           const std::function<bool(std::size_t)>& may_go_on);

  // Whether chunk `index` of the destination is what it should be, as an earlier copy left it.
  [[nodiscard]] bool holds(std::size_t index, const Hash& hash, std::span<std::byte> buffer,
                           os::PendingCall& call);

  // After the last chunk, once: the exact size and the source's time, no right for anybody who has
  // none to the source, durable if `flush`. Closes the files. Throws os::Error.
  enum class Flush { no, yes };
  void finish(Flush flush);

  [[nodiscard]] const ChunkReader& source() const { return source_; }

 private:
  [[nodiscard]] os::Fd make_or_go_on() const;
  void give_no_more_rights() const;
  void write(std::uint64_t offset, std::span<const std::byte> data, os::PendingCall& call);

  const SourceFile& file_;
  ChunkReader source_;
  const os::Directory& data_;
  const std::string destination_;  // to be shown
  std::mutex mutex_;
  bool open_ = false;
  std::atomic<bool> direct_destination_{false};
  os::Fd direct_file_;
  os::Fd buffered_file_;
};

}  // namespace coldload::stage
