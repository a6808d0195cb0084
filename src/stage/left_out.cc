#include "stage/left_out.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "text/escape.h"
#include "text/units.h"

namespace coldload::stage {

LeftOut left_out_of(const SourceTree& tree) {
  LeftOut sum;
  std::set<std::string> names;
  for (const SourceFile& file : tree.left_out) {
    ++sum.files;
    sum.bytes += file.bytes;
    // With the "/" of the directory that it lies in.
    names.insert(file.name.substr(0, file.name.find('/') + 1));
    if (names.erase("") > 0) names.insert(file.name);
  }
  sum.names.assign(names.begin(), names.end());
  return sum;
}

std::string words_of(const LeftOut& left_out) {
  if (left_out.files == 0) return "";
  constexpr std::size_t k_most = 5;
  std::vector<std::string> names = left_out.names;
  const std::size_t more = names.size() - std::min(names.size(), k_most);
  names.resize(names.size() - more);
  for (std::string& name : names) name = text::one_line(name);
  return fmt::format("not copied: {} in {} file{} ({}{})", text::format_bytes(left_out.bytes),
                     left_out.files, left_out.files == 1 ? "" : "s", fmt::join(names, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

}  // namespace coldload::stage
