#include "findings/pooling.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "findings/setting.h"

namespace coldload::findings {

namespace {

using records::ArmParts;
using records::Experiment;
using records::ExperimentFacts;
using records::FactsParts;
using records::Trial;

// What experiments must share by their facts to be taken together. Of coldload's own loader that is
// its build.
std::string words_of(const ExperimentFacts& facts) {
  std::vector<std::string> words{facts.target,
                                 facts.cold_policy,
                                 facts.drop_caches ? "drop_caches" : "",
                                 server_version_of(facts),
                                 compile_cache_of(facts),
                                 is_native(facts) ? coldload_version_of(facts) : ""};
  const auto add = [&words](const char* what, const std::vector<std::string>& more) {
    words.emplace_back(what);
    words.insert(words.end(), more.begin(), more.end());
  };
  std::vector<std::string> variables = server_variables(facts);
  std::sort(variables.begin(), variables.end());
  add("server", server_words(facts));
  add("variables", variables);
  add("pinned", pinned_flags_of(facts));
  add("loader", loader_words(facts));
  add("file server", file_server_words(facts));
  return fmt::format("{}", fmt::join(words, "\n"));
}

// A setting, but for what records tell beside the facts.
struct Setup {
  std::size_t words = 0;  // equal for equal words
  Machine machine;
};

// Every experiment's, worked out once for those of equal facts.
class Setups {
 public:
  const Setup& of(const Experiment& experiment) {
    const FactsParts& facts = experiment.facts;
    const auto [entry, is_new] =
        known_.try_emplace({facts.rest, facts.command.data(), facts.environment.data()});
    if (is_new) {
      Experiment without_arms = experiment;
      without_arms.facts.arms = {};
      const ExperimentFacts whole = without_arms.whole_facts();
      entry->second.words = words_.emplace(words_of(whole), words_.size()).first->second;
      entry->second.machine = machine_of(whole);
    }
    return entry->second;
  }

 private:
  using Key = std::tuple<const void*, const void*, const void*>;
  std::map<Key, Setup> known_;
  std::map<std::string, std::size_t> words_;
};

// Model, the largest checkpoint that a record of the experiment has, the context's length, and
// Setup::words.
using Setting = std::tuple<std::string_view, std::uint64_t, std::uint64_t, std::size_t>;

// A pool on the way.
struct Joined {
  const Machine* machine = nullptr;
  std::size_t latest = 0;  // when it was last joined
  std::map<std::string_view, Way> ways;
  Pool experiments;
};

bool may_join(const Joined& pool, const Experiment& experiment) {
  const auto& arms = experiment.facts.arms;
  return std::all_of(arms.begin(), arms.end(), [&pool](const ArmParts& arm) {
    const auto known = pool.ways.find(arm.rest->label);
    return arm.rest->placeholder || known == pool.ways.end() || known->second == way_of(arm);
  });
}

// The pools of one setting, found by what their labels stand for where they are many: to look at
// every one for every experiment would take hours where each lies elsewhere.
class PoolsOfSetting {
 public:
  // All that the experiment may join, and few others.
  [[nodiscard]] std::vector<std::size_t> candidates_for(const Experiment& experiment) const {
    static const std::vector<std::size_t> k_none;
    if (!is_indexed()) return all_;
    std::size_t fewest = all_.size();
    std::array<const std::vector<std::size_t>*, 2> lists{&all_, &k_none};
    for (const ArmParts& arm : experiment.facts.arms) {
      const auto label = labels_.find(arm.rest->label);
      if (arm.rest->placeholder || label == labels_.end()) continue;
      const auto found = label->second.by_way.find(way_of(arm));
      const auto& same = found == label->second.by_way.end() ? k_none : found->second;
      const std::size_t count = label->second.without.size() + same.size();
      if (count >= fewest) continue;
      fewest = count;
      lists = {&label->second.without, &same};
    }
    std::vector<std::size_t> candidates = *lists[0];
    candidates.insert(candidates.end(), lists[1]->begin(), lists[1]->end());
    return candidates;
  }

  // What the labels of `pools[index]` stand for now.
  void note(std::size_t index, const std::vector<Joined>& pools) {
    const bool was_indexed = is_indexed();
    const bool is_new = all_.empty() || all_.back() < index;
    if (is_new) all_.push_back(index);
    if (!is_indexed()) return;
    if (was_indexed) {
      if (is_new) add_to_index(index);
      note_ways(index, pools[index]);
      return;
    }
    for (const std::size_t known : all_) note_ways(known, pools[known]);
  }

 private:
  struct Label {
    std::map<Way, std::vector<std::size_t>> by_way;
    std::vector<std::size_t> without;  // pools that do not have it, ascending
  };

  [[nodiscard]] bool is_indexed() const {
    constexpr std::size_t k_few = 8;
    return all_.size() > k_few;
  }

  void add_to_index(std::size_t index) {
    for (auto& [name, label] : labels_) label.without.push_back(index);
  }

  void note_ways(std::size_t index, const Joined& pool) {
    for (const auto& [name, way] : pool.ways) {
      const auto [entry, is_new] = labels_.try_emplace(name);
      std::vector<std::size_t>& without = entry->second.without;
      if (is_new) without = all_;
      const auto found = std::lower_bound(without.begin(), without.end(), index);
      if (found == without.end() || *found != index) continue;
      without.erase(found);
      entry->second.by_way[way].push_back(index);
    }
  }

  std::vector<std::size_t> all_;              // ascending
  std::map<std::string_view, Label> labels_;  // empty where it is not indexed
};

std::vector<Pool> latest_first(std::vector<Joined> pools) {
  std::sort(pools.begin(), pools.end(),
            [](const Joined& a, const Joined& b) { return a.latest > b.latest; });
  std::vector<Pool> sorted;
  sorted.reserve(pools.size());
  for (Joined& pool : pools) sorted.push_back(std::move(pool.experiments));
  return sorted;
}

// By experiment; of those without a trial there are none.
struct OfTrials {
  const Trial* first = nullptr;
  std::uint64_t checkpoint_bytes = 0;  // the largest: 0 where no record has any
};
std::vector<OfTrials> of_trials(const records::Dataset& dataset) {
  std::vector<OfTrials> found(dataset.experiments().size());
  for (const Trial& trial : dataset.trials()) {
    OfTrials& of = found[trial.experiment->number];
    if (of.first == nullptr) of.first = &trial;
    of.checkpoint_bytes = std::max(of.checkpoint_bytes, trial.checkpoint_bytes);
  }
  return found;
}

// What makes a command the same one.
std::tuple<std::string_view, std::vector<std::string>, std::string> key_of(
    const records::StartFacts* start) {
  if (start == nullptr) return {};
  std::vector<std::string> words = start->command;
  const auto pinned = text::strings_at(start->server, "pinned_flags");
  words.insert(words.end(), pinned.begin(), pinned.end());
  return {start->name, std::move(words),
          text::string_at(start->server, "installed_version").value_or("")};
}

}  // namespace

bool Way::operator<(const Way& other) const {
  const auto place = std::tie(path, spec, method);
  const auto other_place = std::tie(other.path, other.spec, other.method);
  if (place != other_place) return place < other_place;
  if (start == other.start) return false;
  return key_of(start) < key_of(other.start);
}

Way way_of(const records::ArmFacts& arm) {
  const records::StartFacts* const start = arm.start ? &*arm.start : nullptr;
  if (!arm.stand_in) return {arm.path, {}, {}, start};
  return {arm.path, arm.stand_in->spec, arm.stand_in->method, start};
}

Way way_of(const ArmParts& arm) {
  Way way = way_of(*arm.rest);
  way.path = arm.path;
  return way;
}

std::vector<Pool> pools_of(const records::Dataset& dataset) {
  std::vector<Joined> pools;
  Setups setups;
  std::map<Setting, PoolsOfSetting> alike;
  const std::vector<OfTrials> trials = of_trials(dataset);
  for (const Experiment& experiment : dataset.experiments()) {
    const OfTrials& of = trials[experiment.number];
    const Setup& setup = setups.of(experiment);
    PoolsOfSetting& candidates = alike[{of.first->model, of.checkpoint_bytes,
                                        of.first->max_model_len.value_or(0), setup.words}];
    std::optional<std::size_t> joined;
    for (const std::size_t index : candidates.candidates_for(experiment)) {
      if (joined && pools[index].latest < pools[*joined].latest) continue;
      const bool is_alike = are_alike(*pools[index].machine, setup.machine);
      if (is_alike && may_join(pools[index], experiment)) joined = index;
    }
    if (!joined) {
      joined = pools.size();
      pools.push_back({&setup.machine, 0, {}, {}});
    }
    Joined& pool = pools[*joined];
    pool.latest = experiment.number + 1;
    pool.experiments.push_back(&experiment);
    for (const ArmParts& arm : experiment.facts.arms) {
      if (!arm.rest->placeholder) pool.ways.emplace(arm.rest->label, way_of(arm));
    }
    candidates.note(*joined, pools);
  }
  return latest_first(std::move(pools));
}

}  // namespace coldload::findings
