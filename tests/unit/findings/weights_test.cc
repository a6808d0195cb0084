#include "findings/weights.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "findings/compare.h"
#include "unit/records/records.h"

namespace coldload::findings {
namespace {

// Two cold runs of two paths.
std::vector<records::Record> trials() {
  const auto facts = experiment({arm("nvme"), arm("net")});
  return numbered({cold_trial(facts, "nvme", 1), cold_trial(facts, "net", 2),
                   cold_trial(facts, "nvme", 1.1), cold_trial(facts, "net", 2.1)});
}

// Of `net` against `nvme`.
std::vector<DifferentWeights> different(const std::vector<records::Record>& records) {
  const records::Dataset dataset = records::dataset_of(records);
  std::vector<DifferentWeights> found = different_weights(compare(dataset).at(0));
  for (DifferentWeights& pair : found) pair.first = pair.second = nullptr;  // gone with it
  return found;
}

TEST(Weights, AreTheSameWhereSizesAreAndNoHashIsOnRecord) {
  EXPECT_TRUE(different(trials()).empty());
}

TEST(Weights, OfOtherSizesAreDifferent) {
  auto records = trials();
  records[1].checkpoint_bytes = records[3].checkpoint_bytes = 4'000'000'000;
  const auto found = different(records);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].of_first.bytes, 2'160'000'000U);
  EXPECT_EQ(found[0].of_second.bytes, 4'000'000'000U);
}

TEST(Weights, OfOtherTensorsAreDifferentThoughOfOneSize) {
  auto records = trials();
  for (records::Record& record : records) record.tensors_hash = record.arm == "net" ? "a" : "b";
  EXPECT_EQ(different(records).size(), 1U);
  for (records::Record& record : records) record.tensors_hash = "a";
  EXPECT_TRUE(different(records).empty());
}

TEST(Weights, OfTheSameTensorsAreNotDifferentForTheSizeOfTheirHeaders) {
  auto records = trials();
  for (records::Record& record : records) {
    record.tensors_hash = "a";
    if (record.arm == "net") record.checkpoint_bytes += 512;  // more shards
  }
  EXPECT_TRUE(different(records).empty());
}

TEST(Weights, AreNotSaidToDifferWhereOnePathsHashIsNotKnown) {
  auto records = trials();
  records[0].tensors_hash = records[2].tensors_hash = "a";
  EXPECT_TRUE(different(records).empty());
}

TEST(Weights, AreThoseOfTrialsThatCountAndNotOfAGuessBeforeThem) {
  auto records = trials();
  records[1].checkpoint_bytes = 4'000'000'000;  // nothing was seen; then it was
  EXPECT_TRUE(different(records).empty());
  records.push_back(records[1]);
  records.back().run_id = 5;
  records.back().status = records::Status::failed;
  EXPECT_TRUE(different(records).empty());
}

TEST(Weights, ReadBesideAStartAreThoseOfItsPath) {
  auto facts = experiment({arm("nvme"), arm("net"), arm("net_prefetch")});
  facts.arms[2].prefetch_of = "net";
  auto records = trials();
  for (records::Record& record : records) record.experiment = facts;
  records.push_back(cold_trial(facts, "net_prefetch", 1.5));
  records.back().checkpoint_bytes = 4'000'000'000;  // all that was read ahead
  const records::Dataset dataset = records::dataset_of(numbered(records));
  const Comparison comparison = compare(dataset).at(0);
  EXPECT_FALSE(different_weights(comparison, comparison.arms[1], comparison.arms[2]).has_value());
  EXPECT_FALSE(different_weights(comparison, comparison.arms[0], comparison.arms[2]).has_value());
}

}  // namespace
}  // namespace coldload::findings
