// What was started, on what, how often and when: the line below the answer.
#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "findings/setting.h"
#include "report/sections.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

constexpr const char* k_unnamed = "A server";

// A server as its makers write it.
std::string server_name(const std::string& target) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 5> k_names{{
      {"vllm", "vLLM"},
      {"sglang", "SGLang"},
      {"tgi", "TGI"},
      {"transformers", "transformers serve"},
      {"native", "coldload's own loader"},
  }};
  for (const auto& [name, written] : k_names) {
    if (name == target) return written;
  }
  return target.empty() || target == "generic" ? k_unnamed : markdown_text(target);
}

// Of several commands all that they are.
std::string server_names(const std::string& targets) {
  std::vector<std::string> names;
  std::size_t begin = 0;
  while (begin <= targets.size()) {
    const std::size_t end = std::min(targets.find('+', begin), targets.size());
    names.push_back(server_name(targets.substr(begin, end - begin)));
    begin = end + 1;
  }
  return joined(names);
}

// As it was installed, or as it told.
std::string server_version(const Comparison& comparison) {
  std::string version = findings::server_version_of(comparison.facts);
  for (const records::Trial* trial : comparison.trials) {
    if (!version.empty()) break;
    version = trial->reported.version.value_or("");
  }
  // Of a server whose name is not known, a number alone would tell nothing.
  const bool is_named = server_name(comparison.facts.target) != k_unnamed &&
                        comparison.facts.target.find('+') == std::string::npos;
  return version.empty() || !is_named || findings::is_native(comparison.facts) ? "" : ' ' + version;
}

// "one NVIDIA H100 80GB HBM3", "2 x A and one B"; of a machine without a GPU its cores.
std::string machine_text(const records::ExperimentFacts& facts) {
  const findings::Machine machine = findings::machine_of(facts);
  std::map<std::string, std::size_t> gpus;
  for (const std::string& gpu : machine.gpus) ++gpus[gpu.empty() ? "unnamed GPU" : gpu];
  std::vector<std::string> words;
  words.reserve(gpus.size());
  for (const auto& [name, count] : gpus) {
    words.push_back((count == 1 ? "one " : fmt::format("{} x ", count)) + markdown_text(name));
  }
  if (!words.empty()) return " on " + joined(words);
  return machine.cores ? fmt::format(" on {} cores without a GPU", *machine.cores) : "";
}

// "6 cold runs each", "6 and 5 cold runs": of the paths as they are.
std::string runs_text(const Comparison& comparison) {
  std::vector<std::size_t> counts;
  for (const Arm& arm : comparison.arms) {
    if ((arm.is_plain() || arm.is_other_command) && arm.is_measured())
      counts.push_back(arm.cold.load_s->n);
  }
  if (counts.empty()) {
    if (std::string herds = count_of_herds(comparison); !herds.empty()) return herds;
    const bool none_was_made =
        std::any_of(comparison.arms.begin(), comparison.arms.end(),
                    [](const Arm& arm) { return !arm.instead_of_cold().empty(); });
    return none_was_made ? no_cold_run(comparison) : "no usable run";
  }
  const bool all_equal = std::all_of(counts.begin(), counts.end(),
                                     [&](std::size_t count) { return count == counts.front(); });
  const std::string kind = all_verified(comparison) ? "verified cold " : "";
  if (all_equal) {
    return fmt::format("{} {}run{}{}", counts.front() == 1 ? "one" : std::to_string(counts.front()),
                       kind, counts.front() == 1 ? "" : "s", counts.size() > 1 ? " each" : "");
  }
  std::vector<std::string> words;
  words.reserve(counts.size());
  for (const std::size_t count : counts) words.push_back(std::to_string(count));
  return fmt::format("{} {}runs", joined(words), kind);
}

// "2026-11-23", "2026-11-23 to 2026-11-24"
std::string days_text(const Comparison& comparison) {
  constexpr std::size_t k_date = 10;  // of an ISO 8601 time
  std::string first;
  std::string last;
  for (const records::Trial* trial : comparison.trials) {
    const std::string day(trial->started_at.substr(0, k_date));
    if (day.size() != k_date) continue;
    if (first.empty() || day < first) first = day;
    last = std::max(last, day);
  }
  return first.empty() ? "" : ", " + range_text(markdown_text(first), markdown_text(last));
}

}  // namespace

std::string setting_line(const std::vector<Comparison>& comparisons, Notes* notes) {
  const Comparison& comparison = comparisons.front();
  std::vector<std::string> about = server_notes(comparisons);
  if (loads_only(comparison)) {
    about.emplace_back(
        "Times are for loading the weights alone. A server adds its start, compilation and warm-up "
        "to them.");
  }
  std::string weights;
  if (comparison.checkpoint_bytes != 0 && findings::different_weights(comparison).empty()) {
    weights = ", " + format_bytes(comparison.checkpoint_bytes);
  }
  return fmt::format("{}{}{}{}{}, {}{}{}.\n\n", server_names(comparison.facts.target),
                     markdown_text(server_version(comparison)), notes->marks(about),
                     machine_text(comparison.facts), weights, runs_text(comparison),
                     notes->mark(caveat_of_cold(comparison)), days_text(comparison));
}

}  // namespace coldload::report
