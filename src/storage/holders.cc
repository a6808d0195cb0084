#include "storage/holders.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "os/file.h"
#include "os/kernel_text.h"
#include "os/path.h"
#include "os/proc.h"
#include "storage/mounts.h"
#include "text/secret_words.h"

namespace coldload::storage {

HolderSearch::HolderSearch(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    // A mapping of a file on overlayfs shows the file below.
    for (const std::string& name : {path, file_below_overlay(path)}) {
      const auto id = name.empty() ? std::nullopt : os::file_id(name);
      if (!id) continue;
      by_identity_[*id] = path;
      by_path_[name] = path;
    }
  }
}

std::optional<std::string> HolderSearch::open_file_of(pid_t pid) const {
  const std::string folder = fmt::format("/proc/{}/fd", pid);
  std::optional<std::string> found;
  os::for_each_name(folder, [&](const char* name) {
    const auto id = os::file_id(folder + "/" + name);
    const auto it = id ? by_identity_.find(*id) : by_identity_.end();
    if (it != by_identity_.end()) found = it->second;
    return !found;
  });
  return found;
}

std::optional<std::string> HolderSearch::mapped_file_of(pid_t pid) const {
  const auto text = os::try_read_text(fmt::format("/proc/{}/maps", pid), 64 << 20);
  if (!text) return std::nullopt;
  for (std::string_view line : os::split(*text, '\n')) {
    // address perms offset major:minor inode path
    for (int field = 0; field < 3; ++field) (void)os::next_word(&line);
    const std::string_view device = os::next_word(&line);
    const auto inode = static_cast<ino_t>(os::number_of(os::next_word(&line)).value_or(0));
    if (inode == 0) continue;
    const std::vector<std::string_view> numbers = os::split(device, ':');
    const auto major_number = static_cast<unsigned>(os::number_of(numbers.front(), 16).value_or(0));
    const auto minor_number = static_cast<unsigned>(os::number_of(numbers.back(), 16).value_or(0));
    const auto it = by_identity_.find({::makedev(major_number, minor_number), inode});
    if (it != by_identity_.end()) return it->second;
    // btrfs shows another device here than stat(2) does: what is left is the name.
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const auto named = by_path_.find(line);
    if (named != by_path_.end()) return named->second;
  }
  return std::nullopt;
}

std::vector<Holder> HolderSearch::find(const std::set<pid_t>& passed_over) const {
  std::vector<Holder> holders;
  for (const pid_t pid : os::all_pids()) {
    if (pid == ::getpid() || passed_over.count(pid) != 0) continue;
    if (const auto mapped = mapped_file_of(pid)) {
      holders.push_back({pid, os::command_line(pid), *mapped,
                         os::locks_memory(pid) ? HoldKind::locked : HoldKind::mapped});
    } else if (const auto opened = open_file_of(pid)) {
      holders.push_back({pid, os::command_line(pid), *opened, HoldKind::open});
    }
  }
  return holders;
}

std::set<std::string> HolderSearch::opened_directly(const std::set<pid_t>& pids) const {
  std::set<std::string> found;
  for (const pid_t pid : pids) {
    const std::string process = fmt::format("/proc/{}/", pid);
    os::for_each_name(process + "fd", [&](const char* name) {
      const auto id = os::file_id(process + "fd/" + name);
      const auto file = id ? by_identity_.find(*id) : by_identity_.end();
      if (file == by_identity_.end() || found.count(file->second) != 0) return true;
      // pos:, flags: in octal, mnt_id:, ...
      const std::string text = os::try_read_text(process + "fdinfo/" + name).value_or("");
      constexpr std::string_view k_flags = "flags:\t";
      const std::size_t at = text.find(k_flags);
      if (at == std::string::npos) return true;
      const std::string_view rest = std::string_view(text).substr(at + k_flags.size());
      const auto flags = os::number_of(rest.substr(0, rest.find('\n')), 8);
      if (flags && (*flags & O_DIRECT) != 0) found.insert(file->second);
      return true;
    });
  }
  return found;
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
