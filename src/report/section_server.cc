// How the server ran, where another way of running it takes another time.
#include <algorithm>

#include <fmt/format.h>

#include "findings/layers.h"
#include "findings/setting.h"
#include "report/changes.h"
#include "report/sections.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

bool is_eager(const records::ExperimentFacts& facts) {
  return std::find(facts.command.begin(), facts.command.end(), "--enforce-eager") !=
         facts.command.end();
}

// Whether `arm` loads what a plain arm of `comparison` loads, from the same place.
bool has_twin(const Comparison& comparison, const Arm& arm) {
  return std::any_of(comparison.arms.begin(), comparison.arms.end(), [&arm](const Arm& other) {
    return other.is_plain() && changes_between(arm, other).empty();
  });
}

// That nothing was compiled, and what starts took that did, on the same paths and kind of machine.
std::string eager_note(const std::vector<Comparison>& comparisons) {
  constexpr std::size_t k_most = 4;
  const Comparison& eager = comparisons.front();
  std::vector<std::string> compiled;
  for (const Comparison& other : comparisons) {
    if (other.model != eager.model || other.facts.target != eager.facts.target) continue;
    if (is_eager(other.facts) ||
        !findings::are_alike(findings::machine_of(other.facts), findings::machine_of(eager.facts)))
      continue;
    const bool is_fresh = findings::compile_cache_of(other.facts) == "fresh";
    for (const Arm& arm : other.arms) {
      if (!arm.is_plain() || !arm.is_measured() || !has_twin(eager, arm)) continue;
      if (compiled.size() == k_most) break;
      compiled.push_back(fmt::format("{} took {} ({}{})", name_of(arm), time_of(arm),
                                     runs(arm.cold.load_s->n),
                                     is_fresh ? ", runtime caches empty" : ""));
    }
  }
  std::string out =
      "The server ran with `--enforce-eager`: nothing was compiled and no CUDA graphs were "
      "captured.";
  if (!compiled.empty()) {
    out += fmt::format(" Without it, in other experiments of these records, {}.", joined(compiled));
  }
  return out;
}

}  // namespace

std::vector<std::string> server_notes(const std::vector<Comparison>& comparisons) {
  const Comparison& latest = comparisons.front();
  std::vector<std::string> notes;
  const std::string cache = findings::compile_cache_of(latest.facts);
  if (cache == "keep" || cache == "private") {
    notes.push_back(fmt::format(
        "**Cold means the weights alone{}:** the server's own runtime caches were kept "
        "from start to start (`--compile-cache {}`).",
        findings::start_sets_of(latest).empty() ? "" : ", but for `_node` and `_first`", cache));
  }
  if (is_eager(latest.facts)) notes.push_back(eager_note(comparisons));
  const std::vector<std::string> pinned = findings::pinned_flags_of(latest.facts);
  if (!pinned.empty()) {
    notes.push_back(fmt::format(
        "coldload added {}, so that every path is read in the same way. Without it the server may "
        "choose by file system.",
        markdown_code(fmt::format("{}", fmt::join(pinned, " ")))));
  }
  return notes;
}

}  // namespace coldload::report
