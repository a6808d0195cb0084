#include "findings/herd_intervals.h"

#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "findings/compare.h"
#include "records/dataset.h"
#include "unit/records/records.h"

namespace coldload::findings {
namespace {

constexpr double k_bytes = 2'160'123'392;

// `runs` herds each of one and four nodes of coldload's own loader; every further one of a size
// takes a tenth of a second longer than the one before: from 2 s, and from 4 s where the storage
// is the limit.
struct Found {
  explicit Found(int runs, double of_four_s = 4) {
    const records::ExperimentFacts facts = experiment({arm("net")});
    std::uint64_t position = 0;
    for (int run = 0; run < runs; ++run) {
      for (const std::size_t size : {1U, 4U}) {
        const std::vector<double> load_s(size, (size == 1 ? 2 : of_four_s) + 0.1 * run);
        for (records::Record& record : herd_trial(facts, "net", ++position, load_s)) {
          records.push_back(std::move(record));
        }
      }
    }
    dataset = records::dataset_of(records);
    comparisons = compare(dataset);
    herd = herds_of(comparisons.front()).front();
    intervals = intervals_of(herd, comparisons.front().facts.target);
  }

  std::vector<records::Record> records;
  records::Dataset dataset;
  std::vector<Comparison> comparisons;
  HerdOfArm herd;
  HerdIntervals intervals;
};

TEST(HerdIntervals, HoldWhatTheRunsLeaveOpen) {
  const Found found(6);
  ASSERT_TRUE(found.intervals.node_bytes_per_s);
  EXPECT_NEAR(found.intervals.node_bytes_per_s->low, k_bytes / 2.5, 1e6);
  EXPECT_NEAR(found.intervals.node_bytes_per_s->high, k_bytes / 2.0, 1e6);
  ASSERT_TRUE(found.intervals.base_s);
  EXPECT_NEAR(found.intervals.base_s->high, 0, 1e-9) << "a loader has nothing beside its weights";
  ASSERT_TRUE(found.intervals.total_bytes_per_s);
  EXPECT_NEAR(found.intervals.total_bytes_per_s->low, 4 * k_bytes / 4.5, 5e6);
  EXPECT_NEAR(found.intervals.total_bytes_per_s->high, 4 * k_bytes / 4.0, 5e6);
  ASSERT_TRUE(found.intervals.knee);
  EXPECT_NEAR(found.intervals.knee->low, 4 * 2.0 / 4.5, 0.01);
  EXPECT_NEAR(found.intervals.knee->high, 4 * 2.5 / 4.0, 0.01);
}

TEST(HerdIntervals, HoldTheModelsOwnFigures) {
  const Found found(7);
  const HerdModel& model = *found.herd.model;
  EXPECT_EQ(model.first_limited, 4U) << "single nodes do not wait for the storage";
  EXPECT_LE(found.intervals.total_bytes_per_s->low, *model.total_bytes_per_s);
  EXPECT_GE(found.intervals.total_bytes_per_s->high, *model.total_bytes_per_s);
  EXPECT_LE(found.intervals.knee->low, *model.knee());
  EXPECT_GE(found.intervals.knee->high, *model.knee());
}

TEST(HerdIntervals, AreNoneOfTooFewHerds) {
  const Found found(5);
  ASSERT_TRUE(found.herd.model);
  EXPECT_FALSE(found.intervals.node_bytes_per_s);
  EXPECT_FALSE(found.intervals.base_s);
  EXPECT_FALSE(found.intervals.total_bytes_per_s);
  EXPECT_FALSE(found.intervals.knee);
}

// A server whose start takes from 10 to 11 s beside its reading: 2 s, or 6 s of four nodes'.
TEST(HerdIntervals, OfTheStorageHoldWhatTheRestOfAStartLeavesOpen) {
  records::ExperimentFacts facts = experiment({arm("net")});
  facts.target = "generic";
  std::vector<records::Record> records;
  std::uint64_t position = 0;
  for (int run = 0; run < 6; ++run) {
    for (const std::size_t size : {1U, 4U}) {
      const double rest_s = size == 1 ? 10 + 0.2 * run : 10.5;
      const double reading_s = size == 1 ? 2 : 6;
      const std::vector<double> load_s(size, rest_s + reading_s);
      for (records::Record& record : herd_trial(facts, "net", ++position, load_s)) {
        record.herd->launch_skew_s = 0;
        record.phases = {{"start", 0, rest_s, "log"}, {"weights", rest_s, load_s[0], "log"}};
        records.push_back(std::move(record));
      }
    }
  }
  const records::Dataset dataset = records::dataset_of(records);
  const std::vector<Comparison> comparisons = compare(dataset);
  const HerdOfArm herd = herds_of(comparisons.front()).front();
  const HerdIntervals intervals = intervals_of(herd, "generic");
  ASSERT_TRUE(intervals.base_s);
  EXPECT_NEAR(intervals.base_s->low, 10, 1e-6);
  EXPECT_NEAR(intervals.base_s->high, 11, 1e-6);
  ASSERT_TRUE(intervals.total_bytes_per_s);
  EXPECT_NEAR(intervals.total_bytes_per_s->low, 4 * k_bytes / 6.5, 1e6);
  EXPECT_NEAR(intervals.total_bytes_per_s->high, 4 * k_bytes / 5.5, 1e6);
}

TEST(HerdIntervals, OfStorageThatIsNoLimitTellNothingOfIt) {
  const Found found(6, 2);
  EXPECT_TRUE(found.intervals.node_bytes_per_s);
  EXPECT_FALSE(found.intervals.total_bytes_per_s);
  EXPECT_FALSE(found.intervals.knee);
}

}  // namespace
}  // namespace coldload::findings
