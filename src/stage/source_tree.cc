#include "stage/source_tree.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>

#include "os/error.h"
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

class Scan {
 public:
  explicit Scan(const std::string& path) {
    tree_.root = resolve(path);
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
    std::error_code problem;
    for (fs::directory_iterator at(directory, problem), end; !problem && at != end;
         at.increment(problem)) {
      const std::string own = at->path().filename().string();
      if (below.empty() && (own == ".git" || own == ".cache")) continue;
      look_at(below.empty() ? own : below + "/" + own);
    }
    if (problem) throw os::SystemError("list", directory, problem.value());
  }

  void look_at(const std::string& name) {
    const std::string path = tree_.root + "/" + name;
    if (text::valid_utf8(name) != name) {
      throw os::Error(
          fmt::format("cannot stage {}: its name is not UTF-8", text::valid_utf8(path)));
    }
    struct stat own {};
    if (::lstat(path.c_str(), &own) != 0) throw os::SystemError("look at", path, errno);
    if (S_ISDIR(own.st_mode)) {
      tree_.directories.push_back(name);
      list(name);
      return;
    }
    std::string real = path;
    struct stat info = own;
    if (S_ISLNK(own.st_mode)) {
      if (::stat(path.c_str(), &info) != 0) {
        throw os::Error(fmt::format("cannot stage {}: the link leads nowhere ({})", path,
                                    os::error_text(errno)));
      }
      real = resolve(path);
      if (!is_below(real, tree_.root) && (blobs_.empty() || !is_below(real, blobs_))) {
        throw os::Error(
            fmt::format("cannot stage {}: the link leads out of the tree, to {}", path, real));
      }
    }
    if (!S_ISREG(info.st_mode)) {
      throw os::Error(fmt::format("cannot stage {}: {}", path,
                                  S_ISDIR(info.st_mode)
                                      ? "it is a link to a directory"
                                      : "it is no file (a device, socket or pipe)"));
    }
    SourceFile file;
    file.name = name;
    file.real_path = real;
    file.bytes = static_cast<std::uint64_t>(info.st_size);
    file.mtime_ns = info.st_mtim.tv_sec * k_ns_per_s + info.st_mtim.tv_nsec;
    file.device = info.st_dev;
    file.inode = info.st_ino;
    tree_.files.push_back(std::move(file));
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

bool is_below(const std::string& path, const std::string& directory) {
  if (path == directory || directory == "/") return true;
  return path.size() > directory.size() && path.compare(0, directory.size(), directory) == 0 &&
         path[directory.size()] == '/';
}

SourceTree scan_tree(const std::string& path) {
  Scan scan(path);
  SourceTree tree = scan.take();
  if (tree.files.empty())
    throw os::Error(fmt::format("{} has no files: there is nothing to stage", path));
  return tree;
}

}  // namespace coldload::stage
