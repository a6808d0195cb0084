#include "start_set/touched_pages.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/mapping.h"
#include "start_set/mapped_files.h"

namespace coldload::start_set {

namespace {

// Page numbers in the file, of what is in the page table: proc(5), pagemap.
void add_touched(const os::Fd& pagemap, const MappedFile& part, std::set<std::uint64_t>* pages) {
  constexpr std::uint64_t k_present = std::uint64_t{1} << 63;
  constexpr std::uint64_t k_swapped = std::uint64_t{1} << 62;  // a copy that was written to
  constexpr std::size_t k_at_once = 4096;
  std::array<std::uint64_t, k_at_once> entries{};
  const std::uint64_t page = os::page_size();
  const std::uint64_t count = part.bytes / page;
  for (std::uint64_t done = 0; done < count;) {
    const std::size_t wanted = std::min<std::uint64_t>(k_at_once, count - done);
    const auto buffer = std::as_writable_bytes(std::span(entries).first(wanted));
    const std::uint64_t at = (part.address / page + done) * sizeof(std::uint64_t);
    const std::size_t got = os::pread_full(pagemap, buffer, at) / sizeof(std::uint64_t);
    for (std::size_t i = 0; i < got; ++i) {
      const bool is_touched = (entries.at(i) & (k_present | k_swapped)) != 0;
      if (is_touched) pages->insert(part.offset / page + done + i);
    }
    if (got < wanted) return;
    done += got;
  }
}

std::vector<Range> ranges_of_pages(const std::set<std::uint64_t>& pages, std::uint64_t file_bytes) {
  std::vector<Range> ranges;
  const std::uint64_t page = os::page_size();
  for (const std::uint64_t number : pages) {
    const std::uint64_t at = number * page;
    if (at >= file_bytes) break;  // mapped beyond its end
    const std::uint64_t length = std::min(page, file_bytes - at);
    if (!ranges.empty() && ranges.back().offset + ranges.back().bytes == at) {
      ranges.back().bytes += length;
    } else {
      ranges.push_back({at, length});
    }
  }
  return ranges;
}

}  // namespace

void keep_what_is_touched(const std::vector<pid_t>& processes, StartSet* set) {
  std::map<std::string, std::set<std::uint64_t>> touched;
  std::set<std::string> code;
  for (const pid_t process : processes) {
    try {
      const os::Fd pagemap = os::open_file(fmt::format("/proc/{}/pagemap", process), O_RDONLY);
      for (const MappedFile& part : files_mapped_by(process)) {
        if (part.is_code) code.insert(part.path);
        add_touched(pagemap, part, &touched[part.path]);
      }
    } catch (const os::Error&) {
      continue;  // it has gone, or we may not look
    }
  }
  for (StartFile& file : set->files) {
    const auto pages = touched.find(file.path);
    if (code.count(file.path) == 0 || pages == touched.end() || pages->second.empty()) continue;
    file.in_memory = ranges_of_pages(pages->second, file.bytes);
  }
}

}  // namespace coldload::start_set
