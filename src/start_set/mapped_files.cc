#include "start_set/mapped_files.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include "os/file.h"
#include "os/kernel_text.h"
#include "os/proc.h"

namespace coldload::start_set {

namespace {

// Of a name the kernel writes the line feed alone otherwise here: other backslashes are its own.
std::string unescape_line_feeds(std::string_view name) {
  constexpr std::string_view k_line_feed = "\\012";
  std::string text;
  for (std::size_t at = 0; (at = name.find(k_line_feed)) != std::string_view::npos;) {
    text.append(name.substr(0, at)).append("\n");
    name.remove_prefix(at + k_line_feed.size());
  }
  return text.append(name);
}

constexpr int k_hexadecimal = 16;

unsigned device_number(std::string_view text) {
  return static_cast<unsigned>(os::number_of(text, k_hexadecimal).value_or(0));
}

}  // namespace

// "7f5c-7f5d r-xp 00000000 fe:00 1234   /usr/lib/libc.so.6"; memory may have a name, too:
// "[anon: a/b]".
std::optional<MappedFile> parse_maps_line(std::string_view line) {
  std::string_view rest = line;
  const std::vector<std::string_view> span = os::split(os::next_word(&rest), '-');
  const std::string_view rights = os::next_word(&rest);
  const auto offset = os::number_of(os::next_word(&rest), k_hexadecimal);
  const std::vector<std::string_view> device = os::split(os::next_word(&rest), ':');
  const auto inode = os::number_of(os::next_word(&rest));
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  if (span.size() != 2 || device.size() != 2 || !rest.starts_with('/')) return std::nullopt;
  const auto begin = os::number_of(span[0], k_hexadecimal);
  const auto end = os::number_of(span[1], k_hexadecimal);
  if (!begin || !end || *end < *begin || !offset || !inode) return std::nullopt;
  return MappedFile{unescape_line_feeds(rest),
                    {makedev(device_number(device[0]), device_number(device[1])), *inode},
                    *begin,
                    *end - *begin,
                    *offset,
                    rights.find('x') != std::string_view::npos};
}

std::vector<MappedFile> files_mapped_by(pid_t process) {
  constexpr std::size_t k_limit_bytes = std::size_t{16} << 20;
  std::vector<MappedFile> files;
  const auto maps = os::try_read_text(fmt::format("/proc/{}/maps", process), k_limit_bytes);
  if (!maps) return files;
  for (const std::string_view line : os::split(*maps, '\n')) {
    if (auto file = parse_maps_line(line)) files.push_back(std::move(*file));
  }
  return files;
}

MappedFiles MappedFiles::of_all() {
  MappedFiles mapped;
  for (const pid_t process : os::all_pids()) {
    for (MappedFile& file : files_mapped_by(process)) {
      mapped.by_identity_.emplace(file.id, process);
      mapped.by_path_.emplace(std::move(file.path), process);
    }
  }
  return mapped;
}

std::optional<pid_t> MappedFiles::mapped_by(const std::string& path) const {
  if (const auto named = by_path_.find(path); named != by_path_.end()) return named->second;
  const auto id = os::file_id(path);
  if (!id) return std::nullopt;
  const auto same = by_identity_.find(*id);
  if (same == by_identity_.end()) return std::nullopt;
  return same->second;
}

}  // namespace coldload::start_set
