#include "stage/source_tree.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/interrupt.h"
#include "os/path.h"
#include "stage/bounded_threads.h"
#include "text/escape.h"

namespace coldload::stage {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t k_ns_per_s = 1'000'000'000;

// Where the files of the hub cache lie whose snapshot `root` is, or lies in; none elsewhere.
//
//   CACHE/models--ORG--NAME/snapshots/REVISION/FILE -> CACHE/models--ORG--NAME/blobs/ETAG
//
// which is the file, or in newer caches a link to one that repositories share, CACHE/blobs/XX/HASH.
std::vector<std::string> blobs_of(const fs::path& root) {
  fs::path snapshots = root.parent_path();  // or above: a folder of a snapshot
  while (snapshots.has_relative_path() && snapshots.filename() != "snapshots") {
    snapshots = snapshots.parent_path();
  }
  if (!snapshots.has_relative_path()) return {};
  const fs::path repository = snapshots.parent_path();
  std::vector<std::string> directories;
  for (const fs::path& holder : {repository, repository.parent_path()}) {
    std::error_code problem;
    const fs::path blobs = fs::canonical(holder / "blobs", problem);
    if (!problem) directories.push_back(blobs.string());
  }
  return directories;
}

// As the file server knows it now, not as a client remembers it. False: see errno.
bool look(const std::string& path, int flags, struct statx* info) {
  return ::statx(AT_FDCWD, path.c_str(), flags | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, info) == 0;
}

// Since 1970; what lies too far away is the farthest that can be said.
std::int64_t in_ns(const statx_timestamp& time) {
  constexpr std::int64_t k_farthest_s = std::numeric_limits<std::int64_t>::max() / k_ns_per_s - 1;
  return std::clamp<std::int64_t>(time.tv_sec, -k_farthest_s, k_farthest_s) * k_ns_per_s +
         time.tv_nsec;
}

// What is found in a directory is looked at by any of the threads, several at once: a network asks
// for each by itself. Owned by the threads too: one that hangs in the kernel keeps it.
class Scan {
 public:
  Scan(const std::string& path, ScanOptions options)
      : options_(std::move(options)), root_(&paths_.emplace_back(path)) {}

  void work(os::PendingCall& call) {
    while (const std::string* path = next()) {
      try {
        throw_if_interrupted();
        call.begin_open(*path);
        path == root_ ? enter(*path) : look_at(*path);
        call.end();
      } catch (...) {
        done(true);
        throw;
      }
      done(false);
    }
  }

  // Afterwards.
  SourceTree take() {
    std::sort(tree_.directories.begin(), tree_.directories.end());
    for (auto* files : {&tree_.files, &tree_.left_out}) {
      std::sort(files->begin(), files->end(),
                [](const SourceFile& a, const SourceFile& b) { return a.name < b.name; });
    }
    leave_out_directories();
    return std::move(tree_);
  }

 private:
  // Null where nothing is left, or some thread has failed.
  const std::string* next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return failed_ || next_ < paths_.size() || busy_ == 0; });
    if (failed_ || next_ >= paths_.size()) return nullptr;
    ++busy_;
    return &paths_[next_++];
  }

  void done(bool failed) {
    const std::lock_guard lock(mutex_);
    failed_ = failed_ || failed;
    if (--busy_ == 0 || failed_) changed_.notify_all();
  }

  void enter(const std::string& path) {
    tree_.root = os::real_path(path, "reach");
    if (text::valid_utf8(tree_.root) != tree_.root) {
      throw UnfitTree(
          fmt::format("cannot stage {}: its path is not UTF-8", text::valid_utf8(tree_.root)));
    }
    tree_.on_fuse = os::lies_on_fuse(os::open_file(tree_.root, O_PATH | O_DIRECTORY));
    blobs_ = blobs_of(tree_.root);
    if (options_.selection.only.empty()) return list(tree_.root);
    const std::lock_guard lock(mutex_);
    for (const std::string& name : options_.selection.only) {
      paths_.push_back(tree_.root + "/" + name);
    }
    changed_.notify_all();
  }

  // Those that would be empty for nothing but what is left out.
  void leave_out_directories() {
    const auto holds_one_of = [](const std::vector<SourceFile>& files, const std::string& name) {
      const std::string below = name + "/";
      const auto at = std::lower_bound(
          files.begin(), files.end(), below,
          [](const SourceFile& file, const std::string& prefix) { return file.name < prefix; });
      return at != files.end() && at->name.starts_with(below);
    };
    std::erase_if(tree_.directories, [&](const std::string& name) {
      return holds_one_of(tree_.left_out, name) && !holds_one_of(tree_.files, name);
    });
  }

  void list(const std::string& directory) {
    std::vector<std::string> found;
    std::error_code problem;
    for (fs::directory_iterator at(directory, problem), end; !problem && at != end;
         at.increment(problem)) {
      throw_if_interrupted();
      const std::string own = at->path().filename().string();
      if (directory == tree_.root && (own == ".git" || own == ".cache")) continue;
      if (own.ends_with(".incomplete")) continue;
      found.push_back(directory + "/" + own);
    }
    if (problem) throw os::SystemError("list", directory, problem.value());
    const std::lock_guard lock(mutex_);
    std::move(found.begin(), found.end(), std::back_inserter(paths_));
    changed_.notify_all();
  }

  void look_at(const std::string& path) {
    const std::string name = path.substr(tree_.root.size() + 1);
    if (text::valid_utf8(name) != name) {
      throw UnfitTree(
          fmt::format("cannot stage {}: its name is not UTF-8", text::valid_utf8(path)));
    }
    struct statx info {};
    if (!look(path, AT_SYMLINK_NOFOLLOW, &info)) throw os::SystemError("look at", path, errno);
    const bool is_link = S_ISLNK(info.stx_mode);
    if (!S_ISDIR(info.stx_mode) && !options_.selection.takes(name)) {
      return leave_out(path, name, is_link);
    }
    const std::string real = is_link ? follow(path, &info) : path;
    if (S_ISDIR(info.stx_mode)) {
      list(path);
      const std::lock_guard lock(mutex_);
      tree_.directories.push_back(name);
      return;
    }
    if (!S_ISREG(info.stx_mode)) {
      throw UnfitTree(
          fmt::format("cannot stage {}: it is no file (a device, socket or pipe)", path));
    }
    const std::lock_guard lock(mutex_);
    tree_.files.push_back({name, real, info.stx_size, in_ns(info.stx_mtime)});
  }

  void leave_out(const std::string& path, const std::string& name, bool is_link) {
    struct statx info {};
    // A link to a directory may hold what is wanted.
    const bool there = look(path, 0, &info);
    if (there && is_link && S_ISDIR(info.stx_mode) && options_.selection.may_enter(name)) {
      static_cast<void>(follow(path, &info));
      list(path);
      const std::lock_guard lock(mutex_);
      tree_.directories.push_back(name);
      return;
    }
    const bool is_file = there && S_ISREG(info.stx_mode);
    const std::lock_guard lock(mutex_);
    tree_.left_out.push_back({name, "", is_file ? info.stx_size : 0, in_ns(info.stx_mtime)});
  }

  // Where the link at `path` leads; `*info` is of that.
  [[nodiscard]] std::string follow(const std::string& path, struct statx* info) {
    if (!look(path, 0, info)) {
      throw UnfitTree(
          fmt::format("cannot stage {}: the link leads nowhere ({})", path, os::error_text(errno)));
    }
    std::string real = os::real_path(path, "reach");
    const bool is_directory = S_ISDIR(info->stx_mode);
    if (options_.links == OutsideLinks::follow) {
      if (is_directory) enter_once(path, real);
      return real;
    }
    const auto holds = [&](const std::string& directory) { return os::is_below(real, directory); };
    const bool own = holds(tree_.root) || std::any_of(blobs_.begin(), blobs_.end(), holds);
    if (own && !is_directory) return real;
    throw UnfitTree(fmt::format(
        "cannot stage {}: {} {}; --follow-links copies what is there", path,
        own ? "it is a link to a directory," : "the link leads out of the tree, to", real));
  }

  // A directory that two links lead to would be copied twice, and one that holds the link without
  // end.
  void enter_once(const std::string& path, const std::string& real) {
    const std::string holder = os::real_path(fs::path(path).parent_path().string(), "reach");
    const std::lock_guard lock(mutex_);
    if (!os::is_below(holder, real) && entered_.insert(real).second) return;
    throw UnfitTree(
        fmt::format("cannot stage {}: the link leads to {}, which {}", path, real,
                    os::is_below(holder, real) ? "holds it" : "another link leads to as well"));
  }

  const ScanOptions options_;
  SourceTree tree_;  // its root and the blobs are there before the second path is
  std::vector<std::string> blobs_;
  std::set<std::string> entered_;  // directories, by links
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> paths_;  // all that were found: a thread's call may name each of them
  const std::string* const root_;  // as given
  std::size_t next_ = 0;           // the first that nobody has looked at
  unsigned busy_ = 0;              // threads that may find more
  bool failed_ = false;
};

}  // namespace

std::uint64_t SourceTree::bytes() const {
  std::uint64_t sum = 0;
  for (const SourceFile& file : files) sum += file.bytes;
  return sum;
}

SourceTree scan_tree(const std::string& path, const ScanOptions& options) {
  constexpr unsigned k_threads = 16;
  const auto scan = std::make_shared<Scan>(path, options);
  run_bounded(
      k_threads, [](const Calls&) { return os::interrupted(); },
      [scan](unsigned, os::PendingCall& call) { scan->work(call); });
  SourceTree tree = scan->take();
  if (tree.files.empty()) {
    throw UnfitTree(fmt::format("{} has no files{}: there is nothing to stage", path,
                                tree.left_out.empty() ? "" : " but those that are left out"));
  }
  return tree;
}

}  // namespace coldload::stage
