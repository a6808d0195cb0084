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
#include <sys/sysmacros.h>

#include "os/directory.h"
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

// As the file server knows it now, not as a client remembers it. Not opened: a FIFO or a device is
// not touched.
struct statx look(const os::Fd& file) {
  struct statx info {};
  if (::statx(file.get(), "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &info) != 0) {
    throw os::SystemError("look at", file.path(), errno);
  }
  return info;
}

// Whether what the link at `path` leads to can be looked at; `*info` says what it is.
bool look_behind(const std::string& path, struct statx* info) {
  return ::statx(AT_FDCWD, path.c_str(), AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, info) == 0;
}

struct stat owner_and_mode(const struct statx& info) {
  struct stat told {};
  told.st_mode = info.stx_mode;
  told.st_uid = info.stx_uid;
  told.st_gid = info.stx_gid;
  return told;
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
      : options_(std::move(options)), root_(&entries_.emplace_back(Entry{path, path})) {}
  Scan(const os::Directory& copy, Seen seen) : Scan(copy.path(), ScanOptions{}) {
    seen_ = std::move(seen);
    // A descriptor of its own, for the threads.
    opened_ = std::make_shared<SourceRoot>(copy.subdirectory("."), copy.path());
  }

  void work(os::PendingCall& call) {
    while (const Entry* entry = next()) {
      try {
        throw_if_interrupted();
        call.begin_open(entry->path);
        entry == root_ ? enter(entry->path) : look_at(*entry);
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
    tree_.opened = opened_;
    return std::move(tree_);
  }

 private:
  struct Entry {
    std::string path;  // below the root
    std::string real;  // without a link, but what the entry itself may be
  };

  // Null where nothing is left, or some thread has failed.
  const Entry* next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return failed_ || next_ < entries_.size() || busy_ == 0; });
    if (failed_ || next_ >= entries_.size()) return nullptr;
    ++busy_;
    return &entries_[next_++];
  }

  void done(bool failed) {
    const std::lock_guard lock(mutex_);
    failed_ = failed_ || failed;
    if (--busy_ == 0 || failed_) changed_.notify_all();
  }

  void enter(const std::string& path) {
    tree_.root = seen_ ? path : os::real_path(path, "reach");
    if (text::valid_utf8(tree_.root) != tree_.root) {
      throw UnfitTree(
          fmt::format("cannot stage {}: its path is not UTF-8", text::valid_utf8(tree_.root)));
    }
    if (!opened_) {
      opened_ = std::make_shared<SourceRoot>(os::Directory::open(tree_.root), tree_.root);
    }
    blobs_ = blobs_of(tree_.root);
    const os::Fd root = opened_->open(tree_.root, O_PATH | O_DIRECTORY);
    tree_.on_fuse = os::lies_on_fuse(root);
    tell("", look(root));
    if (options_.selection.only.empty()) return list({tree_.root, tree_.root});
    const std::lock_guard lock(mutex_);
    for (const std::string& name : options_.selection.only) {
      const std::string own = tree_.root + "/" + name;
      entries_.push_back({own, own});
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

  void list(const Entry& directory) {
    std::vector<Entry> found;
    opened_->directory(directory.real).for_each_name([&](const char* name) {
      throw_if_interrupted();
      const std::string own = name;
      if (directory.path == tree_.root && (own == ".git" || own == ".cache")) return true;
      if (own.ends_with(".incomplete")) return true;
      found.push_back({directory.path + "/" + own, directory.real + "/" + own});
      return true;
    });
    const std::lock_guard lock(mutex_);
    std::move(found.begin(), found.end(), std::back_inserter(entries_));
    changed_.notify_all();
  }

  void enter_directory(const std::string& name, const Entry& directory) {
    list(directory);
    const std::lock_guard lock(mutex_);
    tree_.directories.push_back(name);
  }

  void tell(const std::string& name, const struct statx& info) {
    if (!seen_) return;
    const std::lock_guard lock(mutex_);
    seen_(name, owner_and_mode(info));
  }

  void look_at(const Entry& entry) {
    const std::string name = entry.path.substr(tree_.root.size() + 1);
    if (text::valid_utf8(name) != name) {
      throw UnfitTree(
          fmt::format("cannot stage {}: its name is not UTF-8", text::valid_utf8(entry.path)));
    }
    os::Fd file = opened_->open(entry.real, O_PATH | O_NOFOLLOW);
    struct statx info = look(file);
    tell(name, info);
    const bool is_link = S_ISLNK(info.stx_mode);
    if (!S_ISDIR(info.stx_mode) && !options_.selection.takes(name)) {
      return leave_out(entry, name, info);
    }
    std::string real = entry.real;
    if (is_link) {
      real = follow(entry.path);
      file = opened_->open(real, O_PATH | O_NOFOLLOW);
      info = look(file);
    }
    if (S_ISDIR(info.stx_mode)) return enter_directory(name, {entry.path, real});
    if (!S_ISREG(info.stx_mode)) {
      throw UnfitTree(
          fmt::format("cannot stage {}: it is no file (a device, socket or pipe)", entry.path));
    }
    add(name, real, file, info);
  }

  void add(const std::string& name, const std::string& real, const os::Fd& file,
           const struct statx& info) {
    constexpr mode_t k_no_programs = 0666;
    const mode_t reach = opened_->reach(fs::path(real).parent_path().string());
    const bool keeps_inodes = SourceRoot::keeps_inodes(file);
    const std::lock_guard lock(mutex_);
    tree_.files.push_back({name, real, info.stx_size, in_ns(info.stx_mtime),
                           info.stx_mode & k_no_programs & reach, info.stx_uid, info.stx_gid,
                           ::makedev(info.stx_dev_major, info.stx_dev_minor),
                           keeps_inodes ? info.stx_ino : 0});
  }

  void leave_out(const Entry& entry, const std::string& name, struct statx info) {
    const bool is_link = S_ISLNK(info.stx_mode);
    const bool there = !is_link || look_behind(entry.path, &info);
    // A link to a directory may hold what is wanted.
    if (there && is_link && S_ISDIR(info.stx_mode) && options_.selection.may_enter(name)) {
      return enter_directory(name, {entry.path, follow(entry.path)});
    }
    const bool is_file = there && S_ISREG(info.stx_mode);
    const std::lock_guard lock(mutex_);
    tree_.left_out.push_back({name, "", is_file ? info.stx_size : 0, in_ns(info.stx_mtime)});
  }

  // Where the link at `path` leads.
  [[nodiscard]] std::string follow(const std::string& path) {
    struct statx info {};
    if (!look_behind(path, &info)) {
      throw UnfitTree(
          fmt::format("cannot stage {}: the link leads nowhere ({})", path, os::error_text(errno)));
    }
    std::string real = os::real_path(path, "reach");
    const bool is_directory = S_ISDIR(info.stx_mode);
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
  Seen seen_;        // of a copy alone
  SourceTree tree_;  // its root, open, and the blobs are there before the second entry is
  std::shared_ptr<SourceRoot> opened_;
  std::vector<std::string> blobs_;
  std::set<std::string> entered_;  // directories, by links
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> entries_;  // all that were found: a thread's call may name each of them
  const Entry* const root_;    // as given
  std::size_t next_ = 0;       // the first that nobody has looked at
  unsigned busy_ = 0;          // threads that may find more
  bool failed_ = false;
};

SourceTree tree_of(const std::shared_ptr<Scan>& scan) {
  constexpr unsigned k_threads = 16;
  run_bounded(
      k_threads, [](const Calls&) { return os::interrupted(); },
      [scan](unsigned, os::PendingCall& call) { scan->work(call); });
  return scan->take();
}

}  // namespace

std::uint64_t SourceTree::bytes() const {
  std::uint64_t sum = 0;
  for (const SourceFile& file : files) sum += file.bytes;
  return sum;
}

SourceTree scan_tree(const std::string& path, const ScanOptions& options) {
  SourceTree tree = tree_of(std::make_shared<Scan>(path, options));
  if (tree.files.empty()) {
    throw UnfitTree(fmt::format("{} has no files{}: there is nothing to stage", path,
                                tree.left_out.empty() ? "" : " but those that are left out"));
  }
  return tree;
}

SourceTree scan_copy(const os::Directory& copy, const Seen& seen) {
  return tree_of(std::make_shared<Scan>(copy, seen));
}

os::Fd open_scanned(const SourceRoot& root, const SourceFile& file, int flags) {
  const auto changed = [&] {
    return os::Error(
        fmt::format("{} was changed while it was copied: stage it again when it is left alone",
                    file.real_path));
  };
  try {
    os::Fd opened = root.open(file.real_path, flags | O_NONBLOCK);
    const struct stat info = os::file_status(opened);
    const bool same = info.st_dev == file.device &&
                      (file.inode != 0 ? info.st_ino == file.inode
                                       : info.st_uid == file.owner && info.st_gid == file.group);
    const bool more_readable = (file.mode & ~info.st_mode) != 0;
    if (!S_ISREG(info.st_mode) || !same || more_readable) throw changed();
    return opened;
  } catch (const os::SystemError& error) {
    if (error.code() == ELOOP) throw changed();
    throw;
  }
}

}  // namespace coldload::stage
