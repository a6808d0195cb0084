// A checkpoint: the files that make up one model, which of them are weights, and where they
// really lie.
//
// Layer: model. May include os/, text/. Knows nothing of storage: bytes are file sizes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/file_kind.h"
#include "model/weight_choice.h"

namespace coldload::model {

[[nodiscard]] const char* to_string(Format format);

struct CheckpointFile {
  std::string name;       // in the checkpoint's directory: "config.json", "vae/model.safetensors"
  std::string real_path;  // absolute, every link resolved
  std::uint64_t bytes = 0;
  std::uint64_t needed_bytes =
      0;  // of which the index needs; see count_indexed_parts() in headers.h
  FileKind kind = FileKind::other;
  bool is_symlink = false;
};

struct Checkpoint {
  // Absolute, as the user wrote it otherwise: what a server is given. Of a repository's folder in a
  // hub cache, the snapshot's.
  std::string path;
  Format format = Format::safetensors;
  std::string name;      // the directory's, for a hub snapshot the model's, for a .gguf the file's
  bool is_file = false;  // a .gguf by itself, perhaps with its other parts
  bool has_named_weights = false;     // its shards are what a pattern says, and no guess
  std::vector<std::string> indices;   // that say which shards count: relative
  std::vector<CheckpointFile> files;  // by kind, then by name: all that lie below
  std::vector<std::string> remarks;   // what a user should know: weights that are not counted

  // Sum of the shards' sizes, headers included.
  [[nodiscard]] std::uint64_t weight_bytes() const;
  // What may hold weights: the shards, then all else that may.
  [[nodiscard]] std::size_t candidate_count() const;
  [[nodiscard]] std::vector<const CheckpointFile*> shards() const;
  // In the order of `files`.
  [[nodiscard]] std::vector<std::string> real_paths() const;
  // The real paths of what a server reads, in the order in which it does: the small files, which it
  // asks for within its first second, then the shards by name.
  [[nodiscard]] std::vector<std::string> paths_as_wanted() const;
};

// Finds the files of the checkpoint at `path`: a directory, whose files may be links (a hub cache's
// snapshot is); a repository's folder in such a cache, which stands for a snapshot (hub_cache.h);
// or a .gguf file, with its siblings where its name says that it is split. Which of them are its
// weights is a guess (model/weight_choice.h), or what the pattern `weights` says. Only looks at
// names and sizes and reads indices: no header, no weights; nothing is opened that could block.
// Throws os::Error that names the file and, where the index is wrong, the index.
[[nodiscard]] Checkpoint open_checkpoint(const std::string& path, const std::string& weights = {});

// The same, of what a server loads that takes its weights from safetensors which match the shell
// pattern `preferred`, where there are any at the top. Empty: it has no such rule.
[[nodiscard]] Checkpoint open_checkpoint_of_server(const std::string& path,
                                                   const std::string& preferred);

}  // namespace coldload::model
