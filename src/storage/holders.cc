#include "storage/holders.h"

#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "os/file.h"
#include "os/proc.h"
#include "storage/path_info.h"
#include "text/secret_words.h"

namespace coldload::storage {

namespace {

bool locks_memory(pid_t pid) {
  const auto text = os::try_read_text(fmt::format("/proc/{}/status", pid), 16384);
  if (!text) return false;
  const std::size_t at = text->find("\nVmLck:");
  if (at == std::string::npos) return false;
  std::istringstream value(text->substr(at + 7, 40));
  std::uint64_t kib = 0;
  value >> kib;
  return kib > 0;
}

}  // namespace

HolderSearch::HolderSearch(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    // A mapping of a file on overlayfs shows the file below.
    for (const std::string& name : {path, file_below_overlay(path)}) {
      struct stat info {};
      if (name.empty() || ::stat(name.c_str(), &info) != 0) continue;
      by_identity_[{info.st_dev, info.st_ino}] = path;
      by_path_[name] = path;
    }
  }
}

std::optional<std::string> HolderSearch::open_file_of(pid_t pid) const {
  const std::string folder = fmt::format("/proc/{}/fd", pid);
  DIR* directory = ::opendir(folder.c_str());
  if (directory == nullptr) return std::nullopt;
  std::optional<std::string> found;
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_name[0] == '.') continue;
    // The link's text first: it costs no look at the file itself, whose server may hang.
    std::array<char, 4096> text{};
    const std::string link = folder + "/" + entry->d_name;
    const ssize_t length = ::readlink(link.c_str(), text.data(), text.size());
    if (length <= 0 || text[0] != '/') continue;
    const auto it = by_path_.find(std::string_view(text.data(), static_cast<std::size_t>(length)));
    if (it == by_path_.end()) continue;
    found = it->second;
    break;
  }
  ::closedir(directory);
  return found;
}

std::optional<std::string> HolderSearch::mapped_file_of(pid_t pid) const {
  const auto text = os::try_read_text(fmt::format("/proc/{}/maps", pid), 64 << 20);
  if (!text) return std::nullopt;
  std::istringstream lines(*text);
  std::string line;
  while (std::getline(lines, line)) {
    // address perms offset major:minor inode path
    std::istringstream fields(line);
    std::string address;
    std::string permissions;
    std::string offset;
    std::string device;
    ino_t inode = 0;
    std::string path;
    fields >> address >> permissions >> offset >> device >> inode;
    if (inode == 0) continue;
    std::getline(fields >> std::ws, path);
    unsigned major_number = 0;
    unsigned minor_number = 0;
    const std::size_t colon = device.find(':');
    std::from_chars(device.data(), device.data() + colon, major_number, 16);
    std::from_chars(device.data() + colon + 1, device.data() + device.size(), minor_number, 16);
    const auto it = by_identity_.find({::makedev(major_number, minor_number), inode});
    if (it != by_identity_.end()) return it->second;
    const auto named = by_path_.find(path);
    if (named != by_path_.end()) return named->second;
  }
  return std::nullopt;
}

std::vector<Holder> HolderSearch::find() const {
  std::vector<Holder> holders;
  for (const os::ProcessInfo& process : os::all_processes()) {
    if (process.pid == ::getpid()) continue;
    if (const auto mapped = mapped_file_of(process.pid)) {
      holders.push_back({process.pid, os::command_line(process.pid), *mapped,
                         locks_memory(process.pid) ? HoldKind::locked : HoldKind::mapped});
    } else if (const auto opened = open_file_of(process.pid)) {
      holders.push_back({process.pid, os::command_line(process.pid), *opened, HoldKind::open});
    }
  }
  return holders;
}

std::vector<Holder> find_holders(const std::vector<std::string>& paths) {
  return HolderSearch(paths).find();
}

std::string describe(const Holder& holder) {
  const char* what = "has it open";
  if (holder.kind == HoldKind::mapped) what = "maps it";
  if (holder.kind == HoldKind::locked) what = "maps it and locks memory";
  return fmt::format("process {} ({}) {}", holder.pid, text::redact_command_line(holder.command),
                     what);
}

}  // namespace coldload::storage
