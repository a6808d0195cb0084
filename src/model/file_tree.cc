#include "model/file_tree.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <set>
#include <system_error>

#include <fmt/format.h>

#include "model/file_names.h"
#include "os/error.h"
#include "os/file_id.h"
#include "os/interrupt.h"
#include "os/path.h"
#include "os/told_step.h"

namespace coldload::model {

namespace {

namespace fs = std::filesystem;

constexpr int k_deepest = 16;

// A server takes it for the file that it is called.
bool is_called_as_a_file(const std::string& name) {
  return is_shard_name(name) || name.ends_with(".index.json");
}

struct Folder {
  std::string prefix;  // of its names: "", or relative and with a slash
  int depth = 0;
};

class Lister {
 public:
  Lister(const std::string& root, std::size_t most_names) : root_(root), most_names_(most_names) {
    // What leads back to the root or above it would never end, or bring in other models.
    for (fs::path above = os::real_path(root);; above = above.parent_path()) {
      if (const auto id = os::file_id(above.string())) seen_.insert(*id);
      if (above == above.root_path()) break;
    }
  }

  FileTree take() && {
    folders_.push_back({});
    for (; !folders_.empty() && !is_full_; folders_.pop_front()) list(folders_.front());
    std::sort(tree_.names.begin(), tree_.names.end());
    return std::move(tree_);
  }

 private:
  void list(const Folder& folder) {
    const std::string& prefix = folder.prefix;
    const std::string directory = prefix.empty() ? root_ : root_ + '/' + prefix;
    os::about_to("list", directory);
    std::error_code error;
    fs::directory_iterator entry(directory, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      if (os::interrupted()) throw os::Error("interrupted");
      const std::string name = entry->path().filename();
      if (name.front() == '.') continue;
      os::about_to("list", directory);
      std::error_code ignored;
      if (entry->is_directory(ignored) && !is_called_as_a_file(name)) {
        go_into(prefix + name, folder.depth);
      } else if (tree_.names.size() < most_names_) {
        tree_.names.push_back(prefix + name);
      } else {
        tree_.remarks.push_back(
            fmt::format("more than {} files lie below: the rest is not looked at", most_names_));
        is_full_ = true;
        return;
      }
    }
    if (!error) return;
    if (folder.depth == 0) throw os::SystemError("list", directory, error.value());
    tree_.remarks.push_back(
        fmt::format("{} is left out: cannot list it: {}", prefix, os::error_text(error.value())));
  }

  void go_into(const std::string& name, int depth) {
    const std::string directory = root_ + '/' + name;
    if (depth == k_deepest) {
      tree_.remarks.push_back(
          fmt::format("{} is left out: it lies more than {} folders deep", name, k_deepest));
      return;
    }
    const auto id = os::file_id(directory);
    if (id && seen_.insert(*id).second) return folders_.push_back({name + '/', depth + 1});
    if (fs::is_symlink(directory)) {
      tree_.remarks.push_back(
          fmt::format("{} is left out: it is a link to a folder above it, or to "
                      "one that is looked at already",
                      name));
    }
  }

  const std::string& root_;
  const std::size_t most_names_;
  FileTree tree_;
  std::deque<Folder> folders_;  // to be listed: those higher up come first
  std::set<os::FileId> seen_;
  bool is_full_ = false;
};

}  // namespace

FileTree list_tree(const std::string& directory, std::size_t most_names) {
  return Lister(directory, most_names).take();
}

}  // namespace coldload::model
