#include "findings/pooling.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace coldload::findings {

namespace {

using records::ArmFacts;
using records::ExperimentFacts;
using records::Record;

// What experiments must share to be taken together. Of coldload's own loader that is its build.
std::string setting_of(const ExperimentFacts& facts, const Record& record,
                       std::uint64_t checkpoint_bytes) {
  std::vector<std::string> words{record.model,
                                 fmt::format("{}", checkpoint_bytes),
                                 fmt::format("{}", record.max_model_len.value_or(0)),
                                 facts.target,
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
  return fmt::format("{}", fmt::join(words, "\n"));
}

// Of each experiment the largest that a record has: 0 where none has.
std::map<std::string, std::uint64_t> checkpoint_bytes_of(const records::Dataset& dataset) {
  std::map<std::string, std::uint64_t> bytes;
  for (const Record& record : dataset.records()) {
    std::uint64_t& most = bytes[record.experiment.id];
    most = std::max(most, record.checkpoint_bytes);
  }
  return bytes;
}

bool may_join(const Pool& pool, const ExperimentFacts& facts) {
  return std::all_of(facts.arms.begin(), facts.arms.end(), [&pool](const ArmFacts& arm) {
    const auto known = pool.ways.find(arm.label);
    return arm.placeholder || known == pool.ways.end() || known->second == way_of(arm);
  });
}

// The pools of one setting, found by what their labels stand for: to look at every one for every
// experiment would take hours where each lies elsewhere.
class PoolsOfSetting {
 public:
  // All that the experiment may join, and few others.
  [[nodiscard]] std::vector<std::size_t> candidates_for(const ExperimentFacts& facts) const {
    static const std::vector<std::size_t> k_none;
    std::size_t fewest = all_.size();
    std::array<const std::vector<std::size_t>*, 2> lists{&all_, &k_none};
    for (const ArmFacts& arm : facts.arms) {
      const auto label = labels_.find(arm.label);
      if (arm.placeholder || label == labels_.end()) continue;
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

  // What the pool's labels stand for now.
  void note(std::size_t index, const Pool& pool) {
    if (all_.empty() || all_.back() < index) {
      all_.push_back(index);
      for (auto& [name, label] : labels_) label.without.push_back(index);
    }
    for (const auto& [name, way] : pool.ways) {
      const auto [entry, is_new] = labels_.try_emplace(name);
      if (is_new) entry->second.without = all_;
      if (std::erase(entry->second.without, index) > 0) entry->second.by_way[way].push_back(index);
    }
  }

 private:
  struct Label {
    std::map<std::string, std::vector<std::size_t>> by_way;
    std::vector<std::size_t> without;  // pools that do not have it
  };
  std::vector<std::size_t> all_;  // ascending
  std::map<std::string, Label> labels_;
};

std::vector<Pool> latest_first(std::vector<Pool> pools, const std::vector<std::size_t>& latest) {
  std::vector<std::size_t> order(pools.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&latest](std::size_t a, std::size_t b) { return latest[a] > latest[b]; });
  std::vector<Pool> sorted;
  sorted.reserve(pools.size());
  for (const std::size_t index : order) sorted.push_back(std::move(pools[index]));
  return sorted;
}

}  // namespace

std::string way_of(const ArmFacts& arm) {
  return arm.path + '\n' + (arm.stand_in ? arm.stand_in->spec + arm.stand_in->method : "");
}

std::vector<Pool> pools_of(const records::Dataset& dataset) {
  std::vector<Pool> pools;
  std::vector<std::size_t> latest;  // by pool: when it was last joined
  std::map<std::string, PoolsOfSetting> alike;
  std::set<std::string> placed;
  const std::map<std::string, std::uint64_t> bytes = checkpoint_bytes_of(dataset);
  for (const Record& record : dataset.records()) {
    const ExperimentFacts& facts = dataset.facts_of(record);
    if (!placed.insert(facts.id).second) continue;
    const std::string setting = setting_of(facts, record, bytes.at(facts.id));
    const Machine machine = machine_of(facts);
    PoolsOfSetting& candidates = alike[setting];
    std::optional<std::size_t> joined;
    for (const std::size_t index : candidates.candidates_for(facts)) {
      if (joined && latest[index] < latest[*joined]) continue;
      if (are_alike(pools[index].machine, machine) && may_join(pools[index], facts)) joined = index;
    }
    if (!joined) {
      joined = pools.size();
      pools.push_back({setting, machine, {}, {}});
      latest.push_back(0);
    }
    latest[*joined] = placed.size();
    Pool& pool = pools[*joined];
    pool.experiments.insert(facts.id);
    for (const ArmFacts& arm : facts.arms) {
      if (!arm.placeholder) pool.ways.emplace(arm.label, way_of(arm));
    }
    candidates.note(*joined, pool);
  }
  return latest_first(std::move(pools), latest);
}

}  // namespace coldload::findings
