#include "stage/manifest.h"

#include <charconv>
#include <new>

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "os/clock.h"
#include "os/error.h"
#include "text/json.h"

namespace coldload::stage {

namespace {

constexpr std::uint64_t k_version = 1;

// A name that stays below the directory: no "..", nothing absolute, nothing empty.
bool stays_below(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\0') != std::string_view::npos)
    return false;
  for (;;) {
    const std::size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

os::Error wrong(const std::string& path, const std::string& what) {
  return os::Error(fmt::format("{} is not a manifest of coldload: {}", path, what));
}

ManifestFile parse_file(const text::json::value& value, const std::string& path) {
  if (!value.is_object()) throw wrong(path, "a file that is no object");
  const text::json::object& object = value.get_object();
  ManifestFile file;
  file.name = text::string_at(object, "name").value_or("");
  if (!stays_below(file.name)) throw wrong(path, fmt::format("the file name \"{}\"", file.name));
  const auto bytes = text::unsigned_at(object, "bytes");
  const auto* mtime = object.if_contains("source_mtime_ns");
  const auto* staged_mtime = object.if_contains("staged_mtime_ns");
  const auto* chunks = object.if_contains("chunks");
  if (!bytes || mtime == nullptr || !mtime->is_int64() || staged_mtime == nullptr ||
      !staged_mtime->is_int64() || chunks == nullptr || !chunks->is_array()) {
    throw wrong(path, fmt::format("{} lacks its bytes, times or chunks", file.name));
  }
  file.bytes = *bytes;
  file.mtime_ns = mtime->get_int64();
  file.staged_mtime_ns = staged_mtime->get_int64();
  for (const text::json::value& chunk : chunks->get_array()) {
    const auto hash = chunk.is_string() ? parse_hash(chunk.get_string()) : std::nullopt;
    if (!hash) throw wrong(path, fmt::format("a hash of {}", file.name));
    file.chunks.push_back(*hash);
  }
  if (file.chunks.size() != chunks_of(file.bytes)) {
    throw wrong(path, fmt::format("{} has {} hashes, which does not fit its size", file.name,
                                  file.chunks.size()));
  }
  return file;
}

}  // namespace

std::string to_text(const Hash& hash) { return fmt::format("{:016x}{:016x}", hash.high, hash.low); }

std::optional<Hash> parse_hash(std::string_view text) {
  constexpr std::size_t k_half = 16;
  if (text.size() != 2 * k_half) return std::nullopt;
  Hash hash;
  const auto half = [](std::string_view digits, std::uint64_t* number) {
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), *number, 16);
    return problem == std::errc() && end == digits.data() + digits.size();
  };
  if (!half(text.substr(0, k_half), &hash.high) || !half(text.substr(k_half), &hash.low)) {
    return std::nullopt;
  }
  return hash;
}

Hash hash_of(std::span<const std::byte> data) {
  const XXH128_hash_t hash = XXH3_128bits(data.data(), data.size());
  return {hash.high64, hash.low64};
}

Hasher::Hasher()
    : state_(XXH3_createState(),
             [](void* state) { XXH3_freeState(static_cast<XXH3_state_t*>(state)); }) {
  if (state_ == nullptr) throw std::bad_alloc();
  XXH3_128bits_reset(static_cast<XXH3_state_t*>(state_.get()));
}

void Hasher::add(std::span<const std::byte> data) {
  XXH3_128bits_update(static_cast<XXH3_state_t*>(state_.get()), data.data(), data.size());
}

Hash Hasher::hash() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(static_cast<const XXH3_state_t*>(state_.get()));
  return {hash.high64, hash.low64};
}

std::size_t chunks_of(std::uint64_t file_bytes) {
  return file_bytes / k_chunk_bytes + (file_bytes % k_chunk_bytes != 0 ? 1 : 0);
}

Manifest blank_manifest(const SourceTree& tree) {
  Manifest manifest;
  manifest.source = tree.root;
  manifest.staged_at = os::utc_timestamp();
  manifest.directories = tree.directories;
  for (const SourceFile& file : tree.files) {
    manifest.files.push_back(
        {file.name, file.bytes, file.mtime_ns, 0, std::vector<Hash>(chunks_of(file.bytes))});
  }
  return manifest;
}

std::string to_text(const Manifest& manifest) {
  text::json::object out;
  out["coldload_manifest"] = k_version;
  out["source"] = manifest.source;
  out["staged_at"] = manifest.staged_at;
  out["inode"] = manifest.inode;
  if (manifest.temporary) out["temporary"] = true;
  out["hash"] = "xxh3_128";
  out["chunk_bytes"] = k_chunk_bytes;
  out["directories"] = text::json::value_from(manifest.directories);
  text::json::array files;
  for (const ManifestFile& file : manifest.files) {
    text::json::array chunks;
    for (const Hash& hash : file.chunks) chunks.emplace_back(to_text(hash));
    files.push_back({{"name", file.name},
                     {"bytes", file.bytes},
                     {"source_mtime_ns", file.mtime_ns},
                     {"staged_mtime_ns", file.staged_mtime_ns},
                     {"chunks", std::move(chunks)}});
  }
  out["files"] = std::move(files);
  return text::to_line(out) + "\n";
}

Manifest parse_manifest(std::string_view text, const std::string& path) {
  std::string error;
  const auto value = text::parse_json(text, &error);
  if (!value || !value->is_object()) throw wrong(path, "no JSON object " + error);
  const text::json::object& object = value->get_object();
  const auto version = text::unsigned_at(object, "coldload_manifest");
  if (!version) throw wrong(path, "coldload_manifest is missing");
  if (*version > k_version) {
    throw os::Error(fmt::format("{} was written by a newer coldload (format {}, this one knows {})",
                                path, *version, k_version));
  }
  Manifest manifest;
  manifest.source = text::string_at(object, "source").value_or("");
  manifest.staged_at = text::string_at(object, "staged_at").value_or("");
  manifest.inode = text::unsigned_at(object, "inode").value_or(0);
  const auto* temporary = object.if_contains("temporary");
  manifest.temporary = temporary != nullptr && temporary->is_bool() && temporary->get_bool();
  if (text::unsigned_at(object, "chunk_bytes") != k_chunk_bytes) throw wrong(path, "chunk_bytes");
  if (text::string_at(object, "hash") != "xxh3_128") throw wrong(path, "a hash that nobody knows");
  const auto* directories = object.if_contains("directories");
  const auto* files = object.if_contains("files");
  if (directories == nullptr || !directories->is_array() || files == nullptr ||
      !files->is_array()) {
    throw wrong(path, "files or directories are missing");
  }
  for (const text::json::value& name : directories->get_array()) {
    if (!name.is_string() || !stays_below(name.get_string()))
      throw wrong(path, "a directory's name");
    manifest.directories.emplace_back(name.get_string());
  }
  for (const auto& file : files->get_array()) manifest.files.push_back(parse_file(file, path));
  return manifest;
}

std::string difference(const Manifest& manifest, const SourceTree& tree, Side which) {
  std::size_t i = 0;
  for (const ManifestFile& file : manifest.files) {
    if (i >= tree.files.size() || tree.files[i].name > file.name) return file.name + " is missing";
    const SourceFile& other = tree.files[i++];
    if (other.name < file.name) return other.name + " is new";
    if (other.bytes != file.bytes) {
      return fmt::format("{} has {} bytes instead of {}", file.name, other.bytes, file.bytes);
    }
    const auto mtime_ns = which == Side::source ? file.mtime_ns : file.staged_mtime_ns;
    if (other.mtime_ns != mtime_ns) return file.name + " was written at another time";
  }
  if (i < tree.files.size()) return tree.files[i].name + " is new";
  return "";
}

}  // namespace coldload::stage
