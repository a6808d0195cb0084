#include "model/synthetic.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "model/index.h"
#include "model/llama_files.h"
#include "model/shard_writer.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/held_directory.h"
#include "os/interrupt.h"
#include "text/units.h"

namespace coldload::model {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_partial_word = ".partial-";

// The directory under construction, beside its final place so that a rename can put it there.
class PartialDirectory {
 public:
  explicit PartialDirectory(const std::string& final_path)
      : final_path_(final_path),
        held_(os::make_held_directory(final_path + k_partial_word)),
        path_(held_.path()) {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    if (::chmod(path_.c_str(), 0777 & ~mask) != 0) {
      throw os::SystemError("open to others the directory", path_, errno);
    }
  }
  ~PartialDirectory() {
    if (path_.empty()) return;
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  PartialDirectory(const PartialDirectory&) = delete;
  PartialDirectory& operator=(const PartialDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  void commit() {
    flush(path_);
    os::remove_mark(held_);  // the checkpoint is whole: whoever finds it keeps it
    flush(path_);
    // Replaces an empty directory, and nothing else.
    if (std::rename(path_.c_str(), final_path_.c_str()) != 0) {
      throw os::SystemError("create", final_path_, errno);
    }
    path_.clear();
    flush(fs::path(final_path_).parent_path());
  }

 private:
  static void flush(const std::string& directory) {
    const os::Fd fd = os::open_file(directory, O_RDONLY | O_DIRECTORY);
    if (::fsync(fd.get()) != 0) throw os::SystemError("flush", directory, errno);
  }

  std::string final_path_;
  os::Fd held_;
  std::string path_;
};

// What synths to the same place left behind that were killed.
void remove_partials(SyntheticResult* result) {
  auto partials = os::abandoned_directories(result->directory + k_partial_word);
  for (const os::Fd& partial : partials.removable) {
    std::error_code error;
    fs::remove_all(partial.path(), error);
    if (!error) result->removed_partials.push_back(partial.path());
  }
  result->left_alone = std::move(partials.left_alone);
}

// The absolute path to create, once it is sure that nothing is there and that its parent is.
std::string vacant_path(const std::string& directory) {
  std::error_code error;
  if (directory.empty()) throw os::Error("cannot write a checkpoint to an empty path");
  std::string path = fs::absolute(directory).lexically_normal();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (fs::exists(fs::symlink_status(path, error))) {
    if (!fs::is_directory(path, error)) {
      throw os::Error(
          fmt::format("cannot write a checkpoint to {}: it exists and is no directory", path));
    }
    if (!fs::is_empty(path, error) || error) {
      throw os::Error(fmt::format(
          "cannot write a checkpoint to {}: {}", path,
          error ? error.message() : "the directory is not empty, and nothing is overwritten"));
    }
    path = fs::canonical(path);
  }
  const std::string parent = fs::path(path).parent_path();
  struct stat own {};
  struct stat above {};
  if (::stat(parent.c_str(), &above) != 0) {
    const int why = errno;
    if (why != ENOENT) throw os::SystemError("write a checkpoint below", parent, why);
    throw os::Error(fmt::format(
        "cannot write a checkpoint to {}: {} is not there: is the disk mounted? Make it first "
        "(mkdir -p)",
        path, parent));
  }
  if (::stat(path.c_str(), &own) == 0 && own.st_dev != above.st_dev) {
    throw os::Error(fmt::format(
        "cannot write a checkpoint to {}: it is a mount point; name a new directory below it",
        path));
  }
  return path;
}

void require_space(const std::string& directory, std::uint64_t needed_bytes) {
  struct statvfs info {};
  if (::statvfs(directory.c_str(), &info) != 0) {
    throw os::SystemError("ask for the free space of", directory, errno);
  }
  const std::uint64_t free_bytes = std::uint64_t{info.f_bavail} * info.f_frsize;
  if (needed_bytes > free_bytes) {
    throw os::Error(
        fmt::format("cannot write a checkpoint below {}: it needs {} ({} bytes) and {} "
                    "({} bytes) are free",
                    directory, text::format_bytes(needed_bytes), needed_bytes,
                    text::format_bytes(free_bytes), free_bytes));
  }
}

void write_small_file(const std::string& path, const std::string& content) {
  const os::Fd file = os::open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
  os::write_full(file, content);
  if (::fsync(file.get()) != 0) throw os::SystemError("flush", path, errno);
}

std::uint64_t default_shards(std::uint64_t bytes) {
  constexpr std::uint64_t k_shard_bytes = 2'000'000'000;
  constexpr std::uint64_t k_single_below_bytes = 256'000'000;
  if (bytes < k_single_below_bytes) return 1;
  return std::max<std::uint64_t>(2, (bytes + k_shard_bytes - 1) / k_shard_bytes);
}

}  // namespace

SyntheticResult write_synthetic(const SyntheticOptions& options) {
  if (options.bytes < k_min_llama_bytes || options.bytes > k_max_llama_bytes) {
    throw os::Error(fmt::format("cannot write a checkpoint of {} bytes: from {} to {} is possible",
                                options.bytes, text::format_bytes(k_min_llama_bytes),
                                text::format_bytes(k_max_llama_bytes)));
  }
  SyntheticResult result;
  result.directory = vacant_path(options.directory);
  remove_partials(&result);
  result.shards = options.shards == 0 ? default_shards(options.bytes) : options.shards;
  result.shape = choose_llama_shape(options.bytes, result.shards);
  std::vector<LlamaTensor> tensors = llama_tensors(result.shape);
  result.tensors = tensors.size();
  const auto groups = split_tensors(std::move(tensors), result.shards);

  ShardWriter writer(options.seed);
  for (const auto& group : groups) writer.add(group);
  result.weight_bytes = writer.total_bytes();
  constexpr std::uint64_t k_small_files_bytes = 1'000'000;
  require_space(fs::path(result.directory).parent_path(),
                result.weight_bytes + k_small_files_bytes);

  PartialDirectory partial(result.directory);
  writer.write(partial.path(), options.threads, options.progress);
  for (const auto& [name, content] : llama_small_files(result.shape)) {
    write_small_file(partial.path() + '/' + name, content);
  }
  if (groups.size() > 1) {
    write_small_file(partial.path() + '/' + std::string(k_index_name), llama_index(groups));
  }
  if (os::interrupted()) throw os::Error("interrupted");
  partial.commit();
  return result;
}

}  // namespace coldload::model
