#include "start_set/mapped_folders.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "start_set/mapped_files.h"

namespace coldload::start_set {

namespace {

namespace fs = std::filesystem;

bool is_pythons(std::string_view name) {
  return name == "site-packages" || name == "dist-packages" ||
         (name.starts_with("python3") && name != "python3");
}

void add_if_file(const std::string& path, std::set<std::string>* files) {
  if (!path.starts_with('/') || path.starts_with("/dev/") || path.starts_with("/proc/")) return;
  if (!path.ends_with(" (deleted)")) files->insert(path);
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

template <typename Iterator>
void add_files(const std::string& folder, std::size_t most, std::set<std::string>* files) {
  std::error_code error;
  Iterator entry(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != Iterator() && files->size() < most; entry.increment(error)) {
    std::error_code gone;
    if (entry->symlink_status(gone).type() == fs::file_type::regular) {
      files->insert(entry->path().string());
    }
  }
}

}  // namespace

Folder folder_of(const std::string& file) {
  const fs::path folder = fs::path(file).parent_path();
  fs::path above;
  for (const fs::path& part : folder) {
    above /= part;
    if (is_pythons(part.string())) return {above.string(), true};
  }
  return {folder.string(), false};
}

std::vector<std::string> files_held_by(const std::vector<pid_t>& processes) {
  std::set<std::string> files;
  for (const pid_t process : processes) {
    add_mapped(process, &files);
    add_open(process, &files);
  }
  return {files.begin(), files.end()};
}

std::vector<std::string> files_in(const std::vector<Folder>& folders, std::size_t most) {
  std::set<std::string> files;
  for (const Folder& folder : folders) {
    if (folder.with_all_below) {
      add_files<fs::recursive_directory_iterator>(folder.path, most, &files);
    } else {
      add_files<fs::directory_iterator>(folder.path, most, &files);
    }
  }
  return {files.begin(), files.end()};
}

}  // namespace coldload::start_set
