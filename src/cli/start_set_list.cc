#include "cli/start_set_list.h"

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>

#include "cli/console.h"
#include "os/error.h"
#include "os/fd.h"
#include "start_set/set_file.h"
#include "text/json.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

std::uint64_t wanted_bytes(const start_set::StartFile& file) {
  std::uint64_t sum = 0;
  for (const start_set::Range& range : file.in_memory) sum += range.bytes;
  return sum;
}

struct GroupSum {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
};

}  // namespace

bool is_start_set(const std::string& path) {
  constexpr std::string_view k_begin = R"({"coldload_start_set")";
  try {
    const os::Fd file = os::open_regular(path);
    std::array<char, k_begin.size()> head{};
    const std::size_t got = os::pread_full(file, std::as_writable_bytes(std::span(head)), 0);
    return std::string_view(head.data(), got) == k_begin;
  } catch (const os::Error&) {
    return false;
  }
}

void print_start_set(const std::string& path, bool as_json) {
  const start_set::StartSet set = start_set::read_start_set(path);
  std::map<start_set::Group, GroupSum> sums;
  for (const start_set::StartFile& file : set.files) {
    const std::uint64_t bytes = wanted_bytes(file);
    const std::string group(start_set::to_string(file.group));
    if (as_json) {
      const text::json::object line{
          {"path", file.path}, {"group", group}, {"size", file.bytes}, {"bytes", bytes}};
      print_out("{}\n", text::to_line(line));
    } else {
      print_out("{:<10} {:>9}  {}\n", group, text::format_bytes(bytes), file.path);
    }
    ++sums[file.group].files;
    sums[file.group].bytes += bytes;
  }
  if (as_json) return;
  for (const auto& [group, sum] : sums) {
    print_out("all of {:<10} {} in {} files\n", start_set::to_string(group),
              text::format_bytes(sum.bytes), sum.files);
  }
  for (const std::string& remark : set.remarks) print_out("note       {}\n", remark);
}

}  // namespace coldload::cli
