#include "start_set/mapped_folders.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "start_set/mapped_files.h"
#include "start_set/start_set.h"

namespace coldload::start_set {

namespace {

namespace fs = std::filesystem;

// Also of what is passed over, so that a walk ends.
constexpr std::size_t k_most_looked_at = 1'000'000;
// Everybody's libraries and programs.
constexpr std::array<std::string_view, 6> k_shared{"/usr/lib",   "/usr/bin", "/usr/sbin",
                                                   "/usr/share", "/lib",     "/lib64"};

bool is_pythons(std::string_view name) {
  return name == "site-packages" || name == "dist-packages" ||
         (name.starts_with("python3") && name != "python3");
}

bool is_shared(std::string_view folder) {
  return folder == "/bin" || folder == "/sbin" || folder == "/etc" ||
         std::any_of(k_shared.begin(), k_shared.end(), [folder](std::string_view shared) {
           return folder.starts_with(shared) &&
                  (folder.size() == shared.size() || folder[shared.size()] == '/');
         });
}

void add_if_file(const std::string& path, std::set<std::string>* files) {
  if (!path.starts_with('/') || path.starts_with("/dev/") || path.starts_with("/proc/")) return;
  files->insert(path);
}

void add_mapped(pid_t process, std::set<std::string>* files) {
  for (const MappedFile& file : files_mapped_by(process)) add_if_file(file.path, files);
}

void add_open(pid_t process, std::set<std::string>* files) {
  std::error_code error;
  fs::directory_iterator entry(fmt::format("/proc/{}/fd", process), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    const fs::path file = fs::read_symlink(entry->path(), gone);
    if (!gone) add_if_file(file.string(), files);
  }
}

// Folder by folder, so that one that vanishes ends nothing but itself.
class FolderWalk {
 public:
  explicit FolderWalk(std::size_t most) : most_(most) {}

  void take(const Folder& folder) {
    std::vector<Folder> left{folder};
    while (!left.empty() && goes_on()) {
      Folder next = std::move(left.back());
      left.pop_back();
      std::error_code gone;
      const bool is_package =
          next.taken == Taken::code_below && fs::exists(fs::path(next.path) / "__init__.py", gone);
      if (is_package) next.taken = Taken::all_below;
      take_one(next, &left);
    }
  }

  [[nodiscard]] std::vector<std::string> files() const { return {files_.begin(), files_.end()}; }

 private:
  void take_one(const Folder& folder, std::vector<Folder>* below) {
    std::error_code error;
    fs::directory_iterator entry(folder.path, error);
    for (; !error && entry != fs::directory_iterator() && goes_on(); entry.increment(error)) {
      ++looked_at_;
      std::error_code gone;
      if (entry->is_symlink(gone)) continue;
      std::string path = entry->path().string();
      if (folder.taken != Taken::own && entry->is_directory(gone)) {
        below->push_back({std::move(path), folder.taken});
      } else if (entry->is_regular_file(gone) &&
                 (folder.taken != Taken::code_below || has_name_of_code(path))) {
        files_.insert(std::move(path));
      }
    }
  }

  [[nodiscard]] bool goes_on() const {
    return files_.size() < most_ && looked_at_ < k_most_looked_at;
  }

  std::size_t most_;
  std::size_t looked_at_ = 0;
  std::set<std::string> files_;
};

}  // namespace

std::optional<Folder> folder_of(const std::string& file) {
  const fs::path folder = fs::path(file).parent_path();
  fs::path above;
  for (const fs::path& part : folder) {
    above /= part;
    if (is_pythons(part.string())) return Folder{above.string(), Taken::all_below};
  }
  if (is_shared(folder.string())) return std::nullopt;
  return Folder{folder.string(), Taken::own};
}

std::vector<std::string> files_held_by(const std::vector<pid_t>& processes) {
  std::set<std::string> files;
  for (const pid_t process : processes) {
    add_mapped(process, &files);
    add_open(process, &files);
  }
  return {files.begin(), files.end()};
}

std::vector<std::string> programs_of(const std::vector<pid_t>& processes) {
  std::set<std::string> files;
  for (const pid_t process : processes) {
    std::error_code gone;
    const fs::path file = fs::read_symlink(fmt::format("/proc/{}/exe", process), gone);
    if (!gone) files.insert(file.string());
  }
  return {files.begin(), files.end()};
}

std::vector<std::string> files_in(const std::vector<Folder>& folders, std::size_t most) {
  FolderWalk walk(most);
  for (const Folder& folder : folders) walk.take(folder);
  return walk.files();
}

}  // namespace coldload::start_set
