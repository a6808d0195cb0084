// DST.coldload.json: what a staged directory holds, and the hash of every part of it.
//
// It lies beside the directory, never inside, and means nothing without it. Format: one JSON object
// (docs/stage.md). A file is cut into chunks of k_chunk_bytes; each chunk's hash is XXH3_128 of its
// bytes as xxhsum -H2 prints it, so that a part can be checked by dd and xxhsum.
//
// Layer: stage. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stage/source_tree.h"

namespace coldload::stage {

inline constexpr std::uint64_t k_chunk_bytes = std::uint64_t{16} << 20;

struct Hash {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool operator==(const Hash&) const = default;
};

// 32 hex digits, and back; nothing for anything else.
[[nodiscard]] std::string to_text(const Hash& hash);
[[nodiscard]] std::optional<Hash> parse_hash(std::string_view text);
[[nodiscard]] Hash hash_of(std::span<const std::byte> data);

// XXH3_128 of what comes piece by piece.
class Hasher {
 public:
  Hasher();
  void add(std::span<const std::byte> data);
  [[nodiscard]] Hash hash() const;

 private:
  std::unique_ptr<void, void (*)(void*)> state_;
};

struct ManifestFile {
  std::string name;
  std::uint64_t bytes = 0;
  std::int64_t mtime_ns = 0;         // of the source
  std::int64_t staged_mtime_ns = 0;  // of the copy: the same, as its file system can say it
  std::vector<Hash> chunks;
};

struct Manifest {
  std::string source;     // absolute
  std::string staged_at;  // UTC
  // Of the staged directory, which keeps it when it is renamed: another directory at its place is
  // not the one that this manifest describes. 0: this file system numbers anew at each mount.
  std::uint64_t inode = 0;
  // Made for an experiment, which removes it: one that a crash left there may be removed.
  bool temporary = false;
  std::vector<std::string> directories;
  std::vector<ManifestFile> files;  // by name
};

// How many chunks a file of that size has.
[[nodiscard]] std::size_t chunks_of(std::uint64_t file_bytes);

// A manifest of `tree`, with hashes of zero.
[[nodiscard]] Manifest blank_manifest(const SourceTree& tree);

[[nodiscard]] std::string to_text(const Manifest& manifest);
// Throws os::Error that names `path`: not JSON, a newer version, a name that leads out of the
// directory, hashes that do not fit the size.
[[nodiscard]] Manifest parse_manifest(std::string_view text, const std::string& path);

// What differs between the manifest and a tree by names, sizes and times: a sentence about the
// first difference, empty if there is none. `which`: whose times the tree should have.
enum class Side { source, staged };
[[nodiscard]] std::string difference(const Manifest& manifest, const SourceTree& tree, Side which);

}  // namespace coldload::stage
