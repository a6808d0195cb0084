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

}  // namespace

// "7f5c-7f5d r-xp 00000000 fe:00 1234   /usr/lib/libc.so.6"; memory may have a name, too:
// "[anon: a/b]".
std::optional<MappedFile> parse_maps_line(std::string_view line) {
  constexpr int k_hexadecimal = 16;
  std::string_view rest = line;
  for (int field = 0; field < 3; ++field) (void)os::next_word(&rest);  // span, rights, offset
  const std::vector<std::string_view> numbers = os::split(os::next_word(&rest), ':');
  const auto inode = os::number_of(os::next_word(&rest));
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  if (numbers.size() != 2 || !inode || !rest.starts_with('/')) return std::nullopt;
  const auto device =
      makedev(static_cast<unsigned>(os::number_of(numbers[0], k_hexadecimal).value_or(0)),
              static_cast<unsigned>(os::number_of(numbers[1], k_hexadecimal).value_or(0)));
  return MappedFile{unescape_line_feeds(rest), {device, *inode}};
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
