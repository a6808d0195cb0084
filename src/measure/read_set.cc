#include "measure/read_set.h"

#include <algorithm>

#include <fmt/format.h>

#include "text/units.h"

namespace coldload::measure {

namespace {

// A look at a header or a magic number brings in no more than readahead does.
constexpr double k_header_share = 0.05;

bool is_read(const CandidateUse& use, bool reads_directly) {
  if (use.bytes == 0) return false;
  if (!use.came_bytes) return use.access.opened;
  if (static_cast<double>(*use.came_bytes) > k_header_share * static_cast<double>(use.bytes)) {
    return true;
  }
  if (use.opened_directly || (reads_directly && use.access.opened)) return true;
  // It was read, and left nothing: past the page cache, or dropped behind.
  return *use.came_bytes == 0 && use.access.read;
}

}  // namespace

ReadSet read_set_of(const std::vector<CandidateUse>& uses, bool complete, bool reads_directly) {
  ReadSet set;
  bool any_opened = false;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    any_opened = any_opened || uses[i].access.opened;
    if (is_read(uses[i], reads_directly)) set.files.push_back(i);
  }
  if (!set.files.empty()) {
    set.read = WeightsRead::seen;
  } else if (complete) {
    set.read = any_opened ? WeightsRead::hardly : WeightsRead::not_at_all;
  }
  return set;
}

std::string not_read(const std::vector<Candidate>& candidates, const ReadSet& set) {
  if (set.read != WeightsRead::seen) return "";
  std::vector<const Candidate*> left;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!std::binary_search(set.files.begin(), set.files.end(), i)) left.push_back(&candidates[i]);
  }
  if (left.empty()) return "";
  std::sort(left.begin(), left.end(),
            [](const Candidate* a, const Candidate* b) { return a->bytes > b->bytes; });
  constexpr std::size_t k_named = 3;
  std::string words = "not read:";
  std::uint64_t rest = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (i >= k_named) {
      rest += left[i]->bytes;
      continue;
    }
    words += fmt::format("{} {} {}", i == 0 ? "" : ",", left[i]->name,
                         text::format_bytes(left[i]->bytes));
  }
  if (left.size() > k_named) {
    words += fmt::format(", and {} more of {}", left.size() - k_named, text::format_bytes(rest));
  }
  return words;
}

}  // namespace coldload::measure
