#include "findings/pooling.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "findings/setting.h"

namespace coldload::findings {
namespace {

using records::ArmFacts;
using records::Record;

// One record of an experiment; `numbers` choose its model and where each label leads, if anywhere.
Record record_of(int experiment, std::mt19937& numbers) {
  Record record;
  record.experiment.id = fmt::format("e{:04}", experiment);
  record.started_at = record.experiment.id;
  record.run_id = 1;
  record.model = fmt::format("m{}", numbers() % 2);
  record.experiment.environment["cores"] = 4 + numbers() % 2;
  for (const char* label : {"a", "b", "c"}) {
    const auto way = numbers() % 4;
    if (way == 3) continue;
    ArmFacts arm;
    arm.label = label;
    arm.placeholder = numbers() % 8 == 0;
    if (!arm.placeholder) arm.path = fmt::format("/{}", way);
    record.experiment.arms.push_back(arm);
  }
  return record;
}

// A pool as a look at every one makes it.
struct Looked {
  std::string model;
  Machine machine;
  std::map<std::string, Way> ways;
  std::vector<std::string> experiments;
};

bool goes_with(const Looked& pool, const Record& record) {
  return std::all_of(
      record.experiment.arms.begin(), record.experiment.arms.end(), [&](const ArmFacts& arm) {
        const auto known = pool.ways.find(arm.label);
        return arm.placeholder || known == pool.ways.end() || known->second == way_of(arm);
      });
}

TEST(Pools, AreThoseOfALookAtEveryOneLatestFirst) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 numbers(seed);
    std::vector<Record> records;
    for (int experiment = 0; experiment < 60; ++experiment) {
      records.push_back(record_of(experiment, numbers));
    }
    std::vector<Looked> expected;
    for (const Record& record : records) {
      const Machine machine = machine_of(record.experiment);
      auto pool = std::find_if(expected.begin(), expected.end(), [&](const Looked& candidate) {
        return candidate.model == record.model && are_alike(candidate.machine, machine) &&
               goes_with(candidate, record);
      });
      if (pool == expected.end())
        pool = expected.insert(pool, Looked{record.model, machine, {}, {}});
      std::rotate(expected.begin(), pool, pool + 1);
      expected.front().experiments.push_back(record.experiment.id);
      for (const ArmFacts& arm : record.experiment.arms) {
        if (!arm.placeholder) expected.front().ways.emplace(arm.label, way_of(arm));
      }
    }
    const records::Dataset dataset = records::dataset_of(records);
    const std::vector<Pool> pools = pools_of(dataset);
    ASSERT_EQ(pools.size(), expected.size()) << seed;
    for (std::size_t i = 0; i < pools.size(); ++i) {
      std::vector<std::string> ids;
      for (const records::Experiment* experiment : pools[i]) ids.emplace_back(experiment->id);
      EXPECT_EQ(ids, expected[i].experiments) << seed;
    }
  }
}

}  // namespace
}  // namespace coldload::findings
