// What differed between the paths besides the storage, or could have: read from the records.
#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "findings/setting.h"
#include "report/cache_writes.h"
#include "report/sections.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

using Lines = std::vector<std::string>;

// "`nvme` has `ext4` and `net` has `nfs`" where arms have different ones; empty where they do not.
std::string where_they_differ(const Comparison& comparison,
                              const std::function<Lines(const Arm& arm)>& answers_of_arm) {
  Lines different;
  Lines found;
  for (const Arm& arm : comparison.arms) {
    const Lines answers = answers_of_arm(arm);
    if (answers.empty()) continue;
    for (const std::string& answer : answers) add_once(answer, &different);
    found.push_back(fmt::format("{} has {}", name_of(arm), joined_code(answers)));
  }
  return different.size() > 1 ? joined(found) : "";
}

void add_storage(const Comparison& comparison, Lines* lines) {
  for (const records::SameStorage& pair : comparison.facts.same_storage) {
    lines->push_back(sentence(markdown_text(to_string(pair))));
  }
  for (const DifferentWeights& different : findings::different_weights(comparison)) {
    lines->push_back("Different weights: " + text_of(different) + ".");
  }
  using Fact = std::pair<const char*, const char*>;
  for (const auto& [key, name] :
       {Fact{"fs_type", "The file system"}, Fact{"readahead_kb", "Readahead in KiB"}}) {
    const std::string where = where_they_differ(comparison, [key = key](const Arm& arm) -> Lines {
      const text::json::value* value = arm.facts.storage.if_contains(key);
      if (value == nullptr || value->is_null()) return {};
      return {value_text(*value)};
    });
    if (!where.empty()) lines->push_back(fmt::format("{} differs: {}.", name, where));
  }
}

using ReportedText = std::optional<std::string_view> records::Reported::*;

// What the servers of an arm's cold trials said, each answer once.
std::vector<std::string> said(const Arm& arm, ReportedText question) {
  std::vector<std::string> answers;
  std::set<std::string_view> known;
  for (const records::Trial* trial : arm.cold.trials) {
    const auto answer = trial->reported.*question;
    if (answer && known.insert(*answer).second) answers.emplace_back(*answer);
  }
  return answers;
}

void add_version(const Comparison& comparison, Lines* lines) {
  const std::string where = where_they_differ(
      comparison, [](const Arm& arm) { return said(arm, &records::Reported::version); });
  if (where.empty()) return;
  lines->push_back(fmt::format("The server's version differs: {}. Its loaders may, too.", where));
}

// Whether it mapped the files or read them ahead, as its own log told.
void add_load_strategy(const Comparison& comparison, Lines* lines) {
  std::vector<std::string> seen;
  std::vector<std::vector<std::string>> strategies;
  for (const Arm& arm : comparison.arms) {
    const std::vector<std::string> file_systems = said(arm, &records::Reported::file_system);
    const std::vector<std::string> prefetch = said(arm, &records::Reported::prefetch);
    if (arm.cold.trials.empty() || (file_systems.empty() && prefetch.empty())) continue;
    seen.push_back(fmt::format(
        "{} for {}{}", name_of(arm),
        file_systems.empty() ? "a file system that it did not name" : joined_code(file_systems),
        prefetch.empty() ? "" : " (\"" + joined(prefetch) + "\")"));
    strategies.push_back(prefetch);
  }
  if (seen.empty()) return;
  lines->push_back(fmt::format("The server's own log takes {}.", joined(seen)));
  const bool differ = std::any_of(strategies.begin(), strategies.end(),
                                  [&](const auto& one) { return one != strategies.front(); });
  if (differ) {
    lines->push_back(
        "**The server read the paths by different strategies, so this compares its loaders, not "
        "only storage.** Pin one (vLLM: `--safetensors-load-strategy`).");
  }
}

// vLLM's strategy is pinned only where its version is known to have the flag.
void add_unknown_version(const Comparison& comparison, Lines* lines) {
  if (comparison.facts.target != "vllm" || findings::server_of(comparison.facts).empty()) return;
  if (!findings::server_version_of(comparison.facts).empty()) return;
  lines->push_back(
      "coldload did not know vLLM's version before the launch, so it pinned no load strategy. By "
      "itself vLLM prefetches from NFS and Lustre, and maps files elsewhere.");
}

// Trials whose compiled graphs came from a cache, among those that tell.
std::optional<std::pair<std::size_t, std::size_t>> cached_of(const Arm& arm) {
  std::size_t cached = 0;
  std::size_t told = 0;
  for (const records::Trial* trial : arm.cold.trials) {
    const bool hit = trial->reported.compile_cache;
    if (!hit && !trial->reported.compile_s) continue;
    ++told;
    cached += hit ? 1U : 0U;
  }
  if (told == 0) return std::nullopt;
  return std::pair(cached, told);
}

void add_compile_cache(const Comparison& comparison, Lines* lines) {
  std::vector<std::string> found;
  bool differ = false;
  std::optional<bool> all_cached;
  for (const Arm& arm : comparison.arms) {
    const auto cached = cached_of(arm);
    if (!cached) continue;
    const bool all = cached->first == cached->second;
    differ |= (cached->first != 0 && !all) || (all_cached && *all_cached != all);
    all_cached = all;
    found.push_back(fmt::format("{} {} of {}", name_of(arm), cached->first, cached->second));
  }
  if (findings::compile_cache_of(comparison.facts) == "keep") {
    lines->push_back(
        "The server used the machine's own runtime caches (`--compile-cache keep`). An earlier "
        "trial may have filled them for a later one.");
  }
  if (differ) {
    lines->push_back(fmt::format(
        "**Compiled graphs came from a cache in some trials and not in others ({}). Part of any "
        "difference is compilation.**",
        joined(found)));
  }
  for (const Arm& arm : comparison.arms) {
    for (std::string& words : cache_writes_text(comparison, arm))
      lines->push_back(std::move(words));
  }
}

// "Runs 7 to 17: `nvme`, `net`. Runs 18 to 25: `nvme`, `staged`."
std::string experiments_text(const Comparison& comparison) {
  constexpr std::size_t k_most = 8;
  std::vector<std::string> sentences;
  for (const std::string& id : comparison.experiments) {
    if (sentences.size() > k_most) return "";
    std::vector<std::string> modes;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    for (const records::Trial* trial : comparison.trials) {
      if (trial->experiment->id != id) continue;
      first = modes.empty() ? trial->run_id : std::min(first, trial->run_id);
      last = std::max(last, trial->run_id);
      add_once(trial->storage_mode, &modes);
    }
    if (modes.empty()) continue;
    sentences.push_back(fmt::format("Runs {} to {}{}: {}.", first, last,
                                    comparison.run_ids_repeat ? " of " + markdown_code(id) : "",
                                    joined_code(modes)));
  }
  if (sentences.size() > k_most) return "";
  return fmt::format("{}", fmt::join(sentences, " "));
}

}  // namespace

std::vector<std::string> confounds_of(const Comparison& comparison) {
  Lines lines;
  add_storage(comparison, &lines);
  add_version(comparison, &lines);
  add_load_strategy(comparison, &lines);
  add_unknown_version(comparison, &lines);
  add_compile_cache(comparison, &lines);
  if (comparison.experiments.size() > 1) {
    lines.push_back(
        fmt::format("{} experiments count together: same model, target and paths, at other times, "
                    "perhaps on other machines with the same CPU and GPU. {}",
                    comparison.experiments.size(), experiments_text(comparison)));
  }
  return lines;
}

}  // namespace coldload::report
