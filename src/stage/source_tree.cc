#include "stage/source_tree.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/path.h"
#include "storage/watched_threads.h"
#include "text/escape.h"

namespace coldload::stage {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t k_ns_per_s = 1'000'000'000;

std::string resolve(const std::string& path) {
  std::error_code problem;
  const fs::path real = fs::canonical(path, problem);
  if (problem) throw os::SystemError("reach", path, problem.value());
  return real.string();
}

// "<repository>/blobs" where `root` is "<repository>/snapshots/<revision>"; empty elsewhere.
std::string blobs_of(const fs::path& root) {
  const fs::path snapshots = root.parent_path();
  if (snapshots.filename() != "snapshots") return "";
  std::error_code problem;
  const fs::path blobs = fs::canonical(snapshots.parent_path() / "blobs", problem);
  return problem ? "" : blobs.string();
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

class Scan {
 public:
  explicit Scan(const std::string& path) {
    tree_.root = resolve(path);
    if (text::valid_utf8(tree_.root) != tree_.root) {
      throw os::Error(
          fmt::format("cannot stage {}: its path is not UTF-8", text::valid_utf8(tree_.root)));
    }
    blobs_ = blobs_of(tree_.root);
  }

  SourceTree take() {
    list("");
    std::sort(tree_.directories.begin(), tree_.directories.end());
    std::sort(tree_.files.begin(), tree_.files.end(),
              [](const SourceFile& a, const SourceFile& b) { return a.name < b.name; });
    return std::move(tree_);
  }

 private:
  void list(const std::string& below) {
    const std::string directory = below.empty() ? tree_.root : tree_.root + "/" + below;
    std::vector<std::string> names;
    std::error_code problem;
    for (fs::directory_iterator at(directory, problem), end; !problem && at != end;
         at.increment(problem)) {
      const std::string own = at->path().filename().string();
      if (below.empty() && (own == ".git" || own == ".cache")) continue;
      names.push_back(below.empty() ? own : below + "/" + own);
    }
    if (problem) throw os::SystemError("list", directory, problem.value());
    std::vector<std::optional<SourceFile>> entries = look_at_all(names);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (entries[i]) {
        tree_.files.push_back(std::move(*entries[i]));
      } else {
        tree_.directories.push_back(names[i]);
        list(names[i]);
      }
    }
  }

  // Several at once: a network asks for each by itself.
  [[nodiscard]] std::vector<std::optional<SourceFile>> look_at_all(
      const std::vector<std::string>& names) const {
    constexpr std::size_t k_most_threads = 16;
    constexpr std::size_t k_worth_a_thread = 8;
    std::vector<std::optional<SourceFile>> entries(names.size());
    std::atomic<std::size_t> next{0};
    const auto threads = static_cast<unsigned>(
        std::clamp<std::size_t>(names.size() / k_worth_a_thread, 1, k_most_threads));
    storage::run_watched(threads, os::TimePoint::max(), [&](unsigned, storage::PendingCall&) {
      for (std::size_t i = next++; i < names.size(); i = next++) entries[i] = look_at(names[i]);
    });
    return entries;
  }

  // Nothing for a directory.
  [[nodiscard]] std::optional<SourceFile> look_at(const std::string& name) const {
    const std::string path = tree_.root + "/" + name;
    if (text::valid_utf8(name) != name) {
      throw os::Error(
          fmt::format("cannot stage {}: its name is not UTF-8", text::valid_utf8(path)));
    }
    struct statx own {};
    if (!look(path, AT_SYMLINK_NOFOLLOW, &own)) throw os::SystemError("look at", path, errno);
    if (S_ISDIR(own.stx_mode)) return std::nullopt;
    std::string real = path;
    struct statx info = own;
    if (S_ISLNK(own.stx_mode)) {
      if (!look(path, 0, &info)) {
        throw os::Error(fmt::format("cannot stage {}: the link leads nowhere ({})", path,
                                    os::error_text(errno)));
      }
      real = resolve(path);
      if (!os::is_below(real, tree_.root) && (blobs_.empty() || !os::is_below(real, blobs_))) {
        throw os::Error(
            fmt::format("cannot stage {}: the link leads out of the tree, to {}", path, real));
      }
    }
    if (!S_ISREG(info.stx_mode)) {
      throw os::Error(fmt::format("cannot stage {}: {}", path,
                                  S_ISDIR(info.stx_mode)
                                      ? "it is a link to a directory"
                                      : "it is no file (a device, socket or pipe)"));
    }
    SourceFile file;
    file.name = name;
    file.real_path = real;
    file.bytes = info.stx_size;
    file.mtime_ns = in_ns(info.stx_mtime);
    return file;
  }

  SourceTree tree_;
  std::string blobs_;
};

}  // namespace

std::uint64_t SourceTree::bytes() const {
  std::uint64_t sum = 0;
  for (const SourceFile& file : files) sum += file.bytes;
  return sum;
}

SourceTree scan_tree(const std::string& path) {
  Scan scan(path);
  SourceTree tree = scan.take();
  if (tree.files.empty())
    throw os::Error(fmt::format("{} has no files: there is nothing to stage", path));
  return tree;
}

}  // namespace coldload::stage
