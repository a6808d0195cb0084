// Copies the files of a tree with several threads, resuming what an earlier copy left.
//
// Layer: stage. Knows nothing of model formats, servers or experiments.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "os/directory.h"
#include "stage/journal.h"
#include "stage/manifest.h"
#include "stage/source_tree.h"

namespace coldload::stage {

struct CopyProgress {
  std::uint64_t bytes = 0;  // that have arrived, or were found in place
  std::uint64_t total_bytes = 0;
  std::uint64_t resumed_bytes = 0;  // of `bytes`: what an earlier copy had left
  std::uint64_t kept_bytes = 0;     // of `bytes`: what a copy keeps that is interrupted now
  std::string stalled;  // "the read of X at offset 4096", where one takes long; else empty
};

struct TreeCopyOptions {
  unsigned jobs = 16;                                 // chunks under way at once
  std::optional<double> limit_bytes_per_s;            // of the source's bytes
  std::function<void(const CopyProgress&)> progress;  // every 100 ms, in the caller's thread
};

struct CopyOutcome {
  std::uint64_t copied_bytes = 0;   // by this call
  std::uint64_t resumed_bytes = 0;  // found in place from an earlier, interrupted copy
  std::string read_way;             // "O_DIRECT" or "page cache": how most of the source was read
  unsigned streams = 1;             // places of one file that were read at once in the end
};

// Copies every file of `tree` into `data`, a directory that nobody else can write; makes the tree's
// directories there, and fills in the manifest's hashes. On return everything is durable. Throws
// os::Error for the first thing that fails, Interrupted, and os::StallError where a thread hangs in
// the kernel after either: the process should then _exit.
CopyOutcome copy_tree(const SourceTree& tree, const std::shared_ptr<const os::Directory>& data,
                      const std::shared_ptr<Journal>& journal, const TreeCopyOptions& options,
                      Manifest* manifest);

}  // namespace coldload::stage
