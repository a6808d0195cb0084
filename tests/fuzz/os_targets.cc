// What the kernel says in texts: a process chooses its own name, a mount its source.
#include <charconv>
#include <string>

#include "fuzz/targets.h"
#include "os/cgroup.h"
#include "os/kernel_text.h"
#include "os/proc.h"

namespace coldload::fuzz {

namespace {

void try_kernel_text(std::string_view input) {
  std::string joined;
  for (const std::string_view field : os::split(input, ',')) {
    joined.append(field).append(",");
  }
  require(joined.size() == input.size() + 1 || input.empty(), "split() loses nothing");
  std::string_view rest = input;
  while (!os::next_word(&rest).empty()) require(rest.size() < input.size(), "a word is taken off");
  for (const int base : {8, 10, 16}) {
    if (const auto number = os::number_of(input, base); number && base == 10) {
      std::uint64_t value = 0;
      std::from_chars(input.data(), input.data() + input.size(), value);
      require(value == *number, "the number is the one that stands there");
    }
    (void)os::number_after(input, "VmLck:", base);
  }
}

void try_process_stat(std::string_view input) {
  const auto info = os::parse_process_stat(1, input);
  if (info) require(input.find(info->name) != std::string_view::npos, "the name is in the text");
}

void try_cgroup(std::string_view input) {
  const std::size_t middle = input.find('\0');
  if (middle == std::string_view::npos) return;
  const auto directory =
      os::own_cgroup_directory(input.substr(0, middle), input.substr(middle + 1));
  if (directory) require(!directory->empty(), "a directory has a name");
}

}  // namespace

const std::vector<Target> k_os_targets{
    {"kernel_text", try_kernel_text},
    {"process_stat", try_process_stat},
    {"cgroup", try_cgroup},
};

}  // namespace coldload::fuzz
