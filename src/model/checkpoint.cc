#include "model/checkpoint.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/file_names.h"
#include "model/hub_cache.h"
#include "model/index.h"
#include "os/crew.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/interrupt.h"
#include "os/path.h"

namespace coldload::model {

namespace fs = std::filesystem;

const char* to_string(Format format) { return format == Format::gguf ? "gguf" : "safetensors"; }

const char* to_string(FileKind kind) {
  constexpr std::array k_names{"shard", "config", "tokenizer", "index", "other"};
  return k_names[static_cast<std::size_t>(kind)];
}

std::uint64_t Checkpoint::weight_bytes() const {
  std::uint64_t bytes = 0;
  for (const CheckpointFile* shard : shards()) bytes += shard->bytes;
  return bytes;
}

std::vector<const CheckpointFile*> Checkpoint::shards() const {
  std::vector<const CheckpointFile*> shards;
  for (const CheckpointFile& file : files) {
    if (file.kind == FileKind::shard) shards.push_back(&file);
  }
  return shards;
}

std::vector<std::string> Checkpoint::real_paths() const {
  std::vector<std::string> paths;
  for (const CheckpointFile& file : files) paths.push_back(file.real_path);
  return paths;
}

std::vector<std::string> Checkpoint::paths_as_wanted() const {
  std::vector<std::string> paths;
  for (const CheckpointFile& file : files) {
    const bool is_small = file.kind != FileKind::shard && file.kind != FileKind::other;
    if (is_small) paths.push_back(file.real_path);
  }
  for (const CheckpointFile* shard : shards()) paths.push_back(shard->real_path);
  return paths;
}

namespace {

// Absolute, without "." and a trailing "/"; links stay unless ".." would have to step over one.
std::string absolute_path(const std::string& path) {
  if (path.empty()) throw os::Error("cannot use an empty path as a checkpoint");
  const fs::path absolute = fs::absolute(path);
  if (std::find(absolute.begin(), absolute.end(), "..") != absolute.end()) {
    return os::real_path(absolute, "resolve");
  }
  const std::string normal = absolute.lexically_normal();
  return normal.size() > 1 && normal.back() == '/' ? normal.substr(0, normal.size() - 1) : normal;
}

bool is_symlink(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode);
}

// Why a file that should be there cannot be used, for links in more words than the kernel's.
std::string link_cause(const std::string& path, int error) {
  std::error_code ignored;
  const std::string target = fs::read_symlink(path, ignored);
  if (error == ELOOP)
    return fmt::format("cannot read {}: it is a link that leads back to itself", path);
  if (error == ENOENT) {
    return fmt::format("cannot read {}: it is a link to {}, which is not there", path, target);
  }
  return fmt::format("cannot read {} (a link to {}): {}", path, target, os::error_text(error));
}

// Looks at one file by name, without opening it. Throws os::Error.
CheckpointFile look_at(const std::string& directory, const std::string& name, FileKind kind) {
  CheckpointFile file;
  const std::string path = directory + '/' + name;
  file.name = name;
  file.kind = kind;
  file.is_symlink = is_symlink(path);
  try {
    file.bytes = os::regular_file_size(path);
  } catch (const os::SystemError& error) {
    if (file.is_symlink) throw os::Error(link_cause(path, error.code()));
    throw;
  }
  file.real_path = os::real_path(path, "resolve");
  if (::access(path.c_str(), R_OK) != 0) throw os::SystemError("read", path, errno);
  return file;
}

std::vector<std::string> list_names(const std::string& directory) {
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  std::vector<std::string> names;
  while (!error && entry != fs::directory_iterator()) {
    if (os::interrupted()) throw os::Error("interrupted");
    names.push_back(entry->path().filename());
    entry.increment(error);
  }
  if (error) throw os::SystemError("list", directory, error.value());
  std::sort(names.begin(), names.end());
  return names;
}

[[noreturn]] void refuse_directory(const std::string& path, const std::vector<std::string>& names) {
  const std::string cause = fmt::format("cannot use {}: it holds no *.safetensors", path);
  const auto gguf = std::find_if(names.begin(), names.end(), is_gguf_name);
  if (gguf != names.end()) {
    throw os::Error(fmt::format("{}; for its .gguf pass the file: {}/{}", cause, path, *gguf));
  }
  throw os::Error(cause + ", and is no checkpoint");
}

// The shards that the index names.
void add_indexed_shards(const WeightMap& map, const std::vector<std::string>& names,
                        Checkpoint* checkpoint) {
  for (const std::string& shard : map.shards()) {
    if (!std::binary_search(names.begin(), names.end(), shard)) {
      throw os::Error(
          fmt::format("cannot use {}: its index {} names the shard {}, which is not there",
                      checkpoint->path, map.path(), shard));
    }
    try {
      checkpoint->files.push_back(look_at(checkpoint->path, shard, FileKind::shard));
    } catch (const os::Error& error) {
      throw os::Error(
          fmt::format("{} (a shard that the index {} names)", error.what(), map.path()));
    }
  }
}

// A small file, or a shard that the index leaves out: what cannot be read is mentioned, no error.
void add_optional(const std::string& name, FileKind kind, Checkpoint* checkpoint) {
  try {
    checkpoint->files.push_back(look_at(checkpoint->path, name, kind));
  } catch (const os::Error& error) {
    checkpoint->remarks.push_back(fmt::format("{} is left out: {}", name, error.what()));
  }
}

void open_directory(Checkpoint* checkpoint) {
  const std::vector<std::string> names = list_names(checkpoint->path);
  const std::string index_name(k_index_name);
  checkpoint->has_index = std::binary_search(names.begin(), names.end(), index_name);
  std::optional<WeightMap> map;
  if (checkpoint->has_index) {
    checkpoint->files.push_back(look_at(checkpoint->path, index_name, FileKind::index));
    map = WeightMap::read(checkpoint->path + '/' + index_name);
    add_indexed_shards(*map, names, checkpoint);
  }
  for (const std::string& name : names) {
    if (is_shard_name(name)) {
      if (!map) {
        checkpoint->files.push_back(look_at(checkpoint->path, name, FileKind::shard));
      } else if (!std::binary_search(map->shards().begin(), map->shards().end(), name)) {
        add_optional(name, FileKind::other, checkpoint);
        checkpoint->remarks.push_back(name + " is not in the index: not counted as weights");
      }
    } else if (const auto kind = kind_of_small_file(name)) {
      add_optional(name, *kind, checkpoint);
    }
  }
  if (checkpoint->shards().empty()) refuse_directory(checkpoint->path, names);
}

void open_gguf(Checkpoint* checkpoint) {
  checkpoint->format = Format::gguf;
  const fs::path path(checkpoint->path);
  for (const std::string& name : gguf_siblings(path.filename())) {
    checkpoint->files.push_back(look_at(path.parent_path(), name, FileKind::shard));
  }
}

}  // namespace

Checkpoint open_checkpoint(const std::string& path) {
  Checkpoint checkpoint;
  checkpoint.path = absolute_path(path);
  if (auto snapshot = hub_snapshot(checkpoint.path)) {
    checkpoint.path = std::move(snapshot->path);
    checkpoint.remarks = std::move(snapshot->remarks);
  }
  if (os::interrupted()) throw os::Error("interrupted");
  struct stat info {};
  if (::stat(checkpoint.path.c_str(), &info) != 0) {
    const int error = errno;
    if (is_symlink(checkpoint.path)) throw os::Error(link_cause(checkpoint.path, error));
    throw os::SystemError("open", checkpoint.path, error);
  }
  if (S_ISDIR(info.st_mode)) {
    open_directory(&checkpoint);
  } else {
    static_cast<void>(os::regular_file_size(checkpoint.path));
    if (!is_gguf_name(checkpoint.path)) {
      throw os::Error(
          fmt::format("cannot use {}: a checkpoint is a directory of *.safetensors, or "
                      "one .gguf file",
                      checkpoint.path));
    }
    open_gguf(&checkpoint);
  }
  checkpoint.name = checkpoint_name(checkpoint.path);
  std::stable_sort(checkpoint.files.begin(), checkpoint.files.end(),
                   [](const CheckpointFile& a, const CheckpointFile& b) {
                     return a.kind != b.kind ? a.kind < b.kind : a.name < b.name;
                   });
  return checkpoint;
}

std::vector<ShardHeader> read_headers(const Checkpoint& checkpoint, unsigned threads) {
  if (checkpoint.format == Format::gguf) return {};
  std::optional<WeightMap> map;
  if (checkpoint.has_index) {
    map = WeightMap::read(checkpoint.path + '/' + std::string(k_index_name));
  }
  const std::vector<const CheckpointFile*> shards = checkpoint.shards();
  std::vector<ShardHeader> headers(shards.size());
  std::vector<std::exception_ptr> problems(shards.size());
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  const auto work = [&] {
    while (!failed) {
      // Shards are taken in order: when one fails, every earlier one is done or under way, and the
      // first failure in that order is the same in every run.
      const std::size_t i = next++;
      if (i >= shards.size()) return;
      try {
        if (os::interrupted()) throw os::Error("interrupted");
        headers[i] = read_shard_header(os::open_regular(checkpoint.path + '/' + shards[i]->name));
        if (map) map->check(shards[i]->name, headers[i]);
      } catch (...) {
        problems[i] = std::current_exception();
        failed = true;
      }
    }
  };
  // Where no more threads are to be had, this one does what is left.
  const auto wanted = static_cast<unsigned>(std::min<std::size_t>(threads, shards.size()));
  os::Crew others({std::max(wanted, 1U) - 1, 0}, [&work](unsigned) { work(); });
  work();
  others.join();
  for (const std::exception_ptr& problem : problems) {
    if (problem) std::rethrow_exception(problem);
  }
  return headers;
}

}  // namespace coldload::model
