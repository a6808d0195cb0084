#include "model/checkpoint.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/file_names.h"
#include "model/file_tree.h"
#include "model/hub_cache.h"
#include "model/index.h"
#include "os/descriptor_limit.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/interrupt.h"
#include "os/path.h"
#include "os/told_step.h"
#include "text/units.h"

namespace coldload::model {

namespace fs = std::filesystem;

const char* to_string(Format format) {
  constexpr std::array k_names{"safetensors", "gguf", "pytorch"};
  return k_names[static_cast<std::size_t>(format)];
}

const char* to_string(FileKind kind) {
  constexpr std::array k_names{"shard", "weights", "config", "tokenizer", "index", "other"};
  return k_names[static_cast<std::size_t>(kind)];
}

std::uint64_t Checkpoint::weight_bytes() const {
  std::uint64_t bytes = 0;
  for (const CheckpointFile* shard : shards()) bytes += shard->bytes;
  return bytes;
}

std::size_t Checkpoint::candidate_count() const {
  return static_cast<std::size_t>(
      std::count_if(files.begin(), files.end(), [](const CheckpointFile& file) {
        return file.kind == FileKind::shard || file.kind == FileKind::weights;
      }));
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
    if (file.kind == FileKind::config || file.kind == FileKind::tokenizer ||
        file.kind == FileKind::index)
      paths.push_back(file.real_path);
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

// Looks at files by name, without opening them. A network's mount answers each question about a
// file in a round trip: a plain file is asked for once, and each folder is resolved once.
class Looker {
 public:
  explicit Looker(const std::string& directory) : directory_(directory) {}

  // Throws os::Error.
  CheckpointFile look_at(const std::string& name, FileKind kind) {
    CheckpointFile file;
    const std::string path = directory_ + '/' + name;
    file.name = name;
    file.kind = kind;
    os::about_to("look at", path);
    struct stat info {};
    const bool is_there = ::lstat(path.c_str(), &info) == 0;
    file.is_symlink = is_there && S_ISLNK(info.st_mode);
    if (is_there && S_ISREG(info.st_mode)) {
      file.bytes = static_cast<std::uint64_t>(info.st_size);
      file.real_path = real_folder(path) + path.substr(path.rfind('/'));
    } else {
      file.bytes = bytes_behind(path, file.is_symlink);
      file.real_path = os::real_path(path, "resolve");
    }
    file.needed_bytes = file.bytes;
    if (::access(path.c_str(), R_OK) != 0) throw os::SystemError("read", path, errno);
    return file;
  }

 private:
  static std::uint64_t bytes_behind(const std::string& path, bool is_symlink) {
    try {
      return os::regular_file_size(path);
    } catch (const os::SystemError& error) {
      if (is_symlink) throw os::Error(link_cause(path, error.code()));
      throw;
    }
  }

  // Of the folder in which a file lies; "" for the root.
  const std::string& real_folder(const std::string& path) {
    std::string folder = path.substr(0, path.rfind('/') + 1);
    if (folder != folder_) {
      folder_ = std::move(folder);
      real_folder_ = os::real_path(folder_, "resolve");
      if (real_folder_ == "/") real_folder_.clear();
    }
    return real_folder_;
  }

  const std::string directory_;
  std::string folder_;  // the last one, with its slash
  std::string real_folder_;
};

// Why a weight cannot be done without.
std::string why_needed(const os::Error& error, const std::string& name, const WeightChoice& choice,
                       const Checkpoint& checkpoint) {
  for (const std::string& index : choice.indices) {
    if (!name.starts_with(folder_of(index))) continue;
    return fmt::format("{} (a shard that the index {}/{} names)", error.what(), checkpoint.path,
                       index);
  }
  return error.what();
}

[[noreturn]] void refuse_directory(const std::string& path, const FileTree& tree) {
  std::string cause = fmt::format(
      "cannot use {}: it holds no weights (*.safetensors, one .gguf, "
      "pytorch_model*.bin), and is no checkpoint",
      path);
  for (const std::string& remark : tree.remarks) cause += "; " + remark;
  throw os::Error(cause);
}

// What a name says of a file that is not among the chosen weights.
FileKind kind_of(const std::string& name) {
  const std::string last = name.substr(name.rfind('/') + 1);
  if (const auto kind = kind_of_small_file(last)) return *kind;
  if (last.ends_with(".index.json")) return FileKind::index;
  return is_weight_name(last) ? FileKind::weights : FileKind::other;
}

// What lies there and is not counted: another copy, an adapter, a precision.
void remark_on_others(const WeightChoice& choice, Checkpoint* checkpoint) {
  constexpr std::size_t k_enough = 5;
  std::vector<std::string> others;
  std::uint64_t bytes = 0;
  for (const CheckpointFile& file : checkpoint->files) {
    if (file.kind != FileKind::weights) continue;
    bytes += file.bytes;
    others.push_back(file.name);
  }
  for (std::size_t i = 0; i < std::min(others.size(), k_enough); ++i) {
    const bool beside_an_index =
        is_shard_name(others[i]) &&
        std::any_of(choice.indices.begin(), choice.indices.end(), [&](const std::string& index) {
          return folder_of(index) == folder_of(others[i]);
        });
    checkpoint->remarks.push_back(fmt::format("{} is {}not counted as weights", others[i],
                                              beside_an_index ? "not in the index: " : ""));
  }
  if (others.size() > k_enough) {
    checkpoint->remarks.push_back(fmt::format("{} more files are not counted as weights; all: {}",
                                              others.size() - k_enough, text::format_bytes(bytes)));
  }
}

// Whoever looks at the page cache holds all files open: of those that no server is known to read,
// the largest are kept.
void leave_out_what_is_too_much(Checkpoint* checkpoint) {
  constexpr std::size_t k_most = 10'000;
  const std::size_t room = std::min(os::descriptor_limit() / 4, k_most);
  std::vector<CheckpointFile>& files = checkpoint->files;
  const auto others = std::stable_partition(
      files.begin(), files.end(),
      [](const CheckpointFile& file) { return file.kind != FileKind::other; });
  const auto known = static_cast<std::size_t>(others - files.begin());
  const std::size_t kept = std::max(room, known);
  if (files.size() <= kept) return;
  std::stable_sort(others, files.end(), [](const CheckpointFile& a, const CheckpointFile& b) {
    return a.bytes > b.bytes;
  });
  std::uint64_t bytes = 0;
  for (std::size_t i = kept; i < files.size(); ++i) bytes += files[i].bytes;
  checkpoint->remarks.push_back(
      fmt::format("{} more files of {} in all are not looked at: they are too many to hold open",
                  files.size() - kept, text::format_bytes(bytes)));
  files.resize(kept);
}

// Which of a directory's files are its weights, given the directory and their names.
using Choose =
    std::function<WeightChoice(const std::string& directory, const std::vector<std::string>&)>;

void open_directory(const Choose& choose, Checkpoint* checkpoint) {
  const FileTree tree = list_tree(checkpoint->path);
  checkpoint->remarks.insert(checkpoint->remarks.end(), tree.remarks.begin(), tree.remarks.end());
  Looker looker(checkpoint->path);
  for (const std::string& name : tree.names) {
    if (name == k_index_name) (void)looker.look_at(name, FileKind::index);
  }
  const WeightChoice choice = choose(checkpoint->path, tree.names);
  if (choice.names.empty()) refuse_directory(checkpoint->path, tree);
  checkpoint->format = choice.format;
  checkpoint->indices = choice.indices;
  checkpoint->remarks.insert(checkpoint->remarks.end(), choice.remarks.begin(),
                             choice.remarks.end());
  for (const std::string& name : tree.names) {
    const bool is_chosen = std::binary_search(choice.names.begin(), choice.names.end(), name);
    try {
      checkpoint->files.push_back(
          looker.look_at(name, is_chosen ? FileKind::shard : kind_of(name)));
    } catch (const os::Error& error) {
      if (is_chosen) throw os::Error(why_needed(error, name, choice, *checkpoint));
      checkpoint->remarks.push_back(fmt::format("{} is left out: {}", name, error.what()));
    }
  }
  remark_on_others(choice, checkpoint);
  leave_out_what_is_too_much(checkpoint);
}

void open_gguf(Checkpoint* checkpoint) {
  checkpoint->format = Format::gguf;
  checkpoint->is_file = true;
  const fs::path path(checkpoint->path);
  Looker looker(path.parent_path());
  for (const std::string& name : gguf_siblings(path.filename())) {
    checkpoint->files.push_back(looker.look_at(name, FileKind::shard));
  }
}

Checkpoint open_with(const std::string& path, const Choose& choose) {
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
    open_directory(choose, &checkpoint);
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

}  // namespace

Checkpoint open_checkpoint(const std::string& path, const std::string& weights) {
  if (weights.empty()) return open_with(path, choose_weights);
  Checkpoint checkpoint =
      open_with(path, [&](const std::string&, const std::vector<std::string>& names) {
        return choose_weights_by(weights, names);
      });
  checkpoint.has_named_weights = !checkpoint.is_file;
  return checkpoint;
}

Checkpoint open_checkpoint_of_server(const std::string& path, const std::string& preferred) {
  if (preferred.empty()) return open_checkpoint(path);
  return open_with(path, [&](const std::string& directory, const std::vector<std::string>& names) {
    return choose_weights_of_server(directory, preferred, names);
  });
}

}  // namespace coldload::model
