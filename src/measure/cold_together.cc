#include "measure/cold_together.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "os/error.h"
#include "text/units.h"

namespace coldload::measure {

namespace {

using OptionalBytes = std::optional<std::uint64_t>;

// Nothing where nobody knows.
OptionalBytes larger_of(const OptionalBytes& a, const OptionalBytes& b) {
  return a && b ? std::max(a, b) : (a ? a : b);
}

void add_unless_there(const std::vector<std::string>& more, std::vector<std::string>* all) {
  for (const std::string& one : more) {
    if (std::find(all->begin(), all->end(), one) == all->end()) all->push_back(one);
  }
}

// What tells most of the files.
int how_telling(WeightsRead read) {
  switch (read) {
    case WeightsRead::seen:
      return 3;
    case WeightsRead::not_known:
      return 2;
    case WeightsRead::hardly:
      return 1;
    case WeightsRead::not_at_all:
      break;
  }
  return 0;
}

void add_observed(const Observed& one, Observed* all) {
  // A sum that lacks one of them would say that something else read the rest.
  all->target_bytes = all->target_bytes && one.target_bytes
                          ? OptionalBytes(*all->target_bytes + *one.target_bytes)
                          : std::nullopt;
  all->opened_directly.insert(one.opened_directly.begin(), one.opened_directly.end());
  all->lost_children = all->lost_children || one.lost_children;
  add_unless_there(one.foreign_readers, &all->foreign_readers);
  if (all->gap.empty()) all->gap = one.gap;
  all->cpu_s += one.cpu_s;
}

void add_server(const ColdEvidence& one, ColdEvidence* all) {
  all->standstill.stopped = std::max(all->standstill.stopped, one.standstill.stopped);
  all->standstill.suspended = std::max(all->standstill.suspended, one.standstill.suspended);
  if (one.resident_bytes_before > all->resident_bytes_before) all->leftovers = one.leftovers;
  all->resident_bytes_before = larger_of(all->resident_bytes_before, one.resident_bytes_before);
  if (how_telling(one.weights_read) > how_telling(all->weights_read))
    all->weights_read = one.weights_read;
  // Each began to count shortly before the launch, and stopped when its own server was ready.
  all->counter_bytes = larger_of(all->counter_bytes, one.counter_bytes);
  // Past the page cache each has to read for itself: a sum may be one part, several times.
  all->direct_bytes = larger_of(all->direct_bytes, one.direct_bytes);
  all->weights_resident_after = larger_of(all->weights_resident_after, one.weights_resident_after);
  all->weights_resident_once = larger_of(all->weights_resident_once, one.weights_resident_once);
  all->cache_can_hold = all->cache_can_hold && one.cache_can_hold;
  add_observed(one.observed, &all->observed);
}

// A sum may be one part, several times: unless the page cache shows the whole, one of them must
// have read it.
bool is_whole(const std::vector<ColdEvidence>& servers, const ColdEvidence& all) {
  if (servers.size() < 2 || came_into_memory(all)) return true;
  const std::uint64_t needed = all.stored_bytes.value_or(all.needed_bytes);
  return std::any_of(servers.begin(), servers.end(), [needed](const ColdEvidence& one) {
    const auto own = larger_of(one.observed.target_bytes, one.direct_bytes);
    return own && static_cast<double>(*own) >= k_needed_share * static_cast<double>(needed);
  });
}

}  // namespace

ColdEvidence together(const std::vector<ColdEvidence>& servers) {
  // What it has to have read comes from the one that was seen to read most; what nobody saw is a
  // guess.
  const auto seen = [](const ColdEvidence& one) {
    return std::pair(how_telling(one.weights_read), one.needed_bytes);
  };
  const auto first =
      std::max_element(servers.begin(), servers.end(),
                       [&](const auto& a, const auto& b) { return seen(a) < seen(b); });
  ColdEvidence all = *first;
  for (auto one = servers.begin(); one != servers.end(); ++one) {
    if (one != first) add_server(*one, &all);
  }
  return all;
}

ColdVerdict judge_together(const std::vector<ColdEvidence>& servers) {
  const ColdEvidence all = together(servers);
  ColdVerdict verdict = judge_cold(all);
  if (verdict.cold == records::Cold::verified && !is_whole(servers, all)) {
    verdict.cold = records::Cold::unknown;
    verdict.reason = fmt::format(
        "the node's {} servers read enough bytes together, but none of them a whole checkpoint, "
        "and "
        "{} of {} are in the page cache afterwards: several may have read the same part",
        servers.size(),
        all.weights_resident_after ? text::format_bytes(*all.weights_resident_after)
                                   : "an unknown share",
        text::format_bytes(all.needed_bytes));
  }
  if (verdict.storage_bytes_source != "direct_io") return verdict;
  std::uint64_t read = 0;
  for (const ColdEvidence& one : servers) read += one.direct_bytes.value_or(0);
  verdict.storage_bytes_read = read;
  return verdict;
}

records::json::value to_value(WeightsRead read) { return static_cast<std::int64_t>(read); }

void from_value(records::json::value&& value, WeightsRead* read) {
  std::uint64_t number = 0;
  records::from_value(std::move(value), &number);
  if (number > static_cast<std::uint64_t>(WeightsRead::not_at_all)) {
    throw os::Error("is not what was read of the weights");
  }
  *read = static_cast<WeightsRead>(number);
}

}  // namespace coldload::measure
