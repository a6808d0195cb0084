#include "findings/pooling.h"

#include <algorithm>

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

}  // namespace

std::string way_of(const ArmFacts& arm) {
  return arm.path + '\n' + (arm.stand_in ? arm.stand_in->spec + arm.stand_in->method : "");
}

std::vector<Pool> pools_of(const records::Dataset& dataset) {
  std::vector<Pool> pools;
  std::set<std::string> placed;
  const std::map<std::string, std::uint64_t> bytes = checkpoint_bytes_of(dataset);
  for (const Record& record : dataset.records()) {
    const ExperimentFacts& facts = dataset.facts_of(record);
    if (!placed.insert(facts.id).second) continue;
    const std::string setting = setting_of(facts, record, bytes.at(facts.id));
    const Machine machine = machine_of(facts);
    auto pool = std::find_if(pools.begin(), pools.end(), [&](const Pool& candidate) {
      return candidate.setting == setting && are_alike(candidate.machine, machine) &&
             may_join(candidate, facts);
    });
    if (pool == pools.end()) pool = pools.insert(pool, Pool{setting, machine, {}, {}});
    std::rotate(pools.begin(), pool, pool + 1);
    pools.front().experiments.insert(facts.id);
    for (const ArmFacts& arm : facts.arms) {
      if (!arm.placeholder) pools.front().ways.emplace(arm.label, way_of(arm));
    }
  }
  return pools;
}

}  // namespace coldload::findings
