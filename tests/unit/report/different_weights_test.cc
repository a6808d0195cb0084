// What a report says of paths that hold different weights: that first, and nothing of storage from
// their difference.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "findings/compare.h"
#include "report/claims.h"
#include "report/comparison_json.h"
#include "report/dominance.h"
#include "report/markdown.h"
#include "report/recommendation.h"
#include "report/sections.h"
#include "report/summary.h"
#include "unit/records/report_cases.h"

namespace coldload::report {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::uint64_t k_half = 8'030'261'120;

// `net_much_slower`, with weights of half the size on `nvme`.
std::vector<records::Record> of_other_sizes() {
  std::vector<records::Record> records = net_much_slower().records;
  for (records::Record& record : records) {
    if (record.arm == "nvme") record.checkpoint_bytes = k_half;
  }
  return records;
}

// The same with weights of one size.
std::vector<records::Record> of_other_tensors() {
  std::vector<records::Record> records = net_much_slower().records;
  for (records::Record& record : records) record.tensors_hash = record.arm == "net" ? "a" : "b";
  return records;
}

// What `read` makes of the comparison in `records`.
template <typename Read>
auto reported(const std::vector<records::Record>& records, Read read) {
  const records::Dataset dataset = records::dataset_of(records);
  return read(findings::compare(dataset));
}

std::string first_screen(const std::vector<records::Record>& records) {
  return reported(records, [](const auto& all) { return short_report(all); });
}

TEST(DifferentWeights, AreInTheTitleAndBeforeTheFirstClaim) {
  EXPECT_THAT(first_screen(of_other_sizes()),
              StartsWith("# Cold load of Llama-3.1-8B: `nvme` and `net` hold different weights\n\n"
                         "**`nvme` holds 8.03 GB of weights, `net` holds 16.1 GB. This compares "
                         "more than storage.** **A cold start takes 34.7 s from `net`"));
  EXPECT_THAT(first_screen(of_other_tensors()),
              StartsWith("# Cold load of Llama-3.1-8B: `nvme` and `net` hold different weights\n\n"
                         "**`nvme` and `net` hold different weights of 16.1 GB: tensors of other "
                         "names, types or shapes. This compares more than storage.** **A cold"));
}

TEST(DifferentWeights, AreNotWhatARecordWithoutTheHashHas) {
  EXPECT_THAT(first_screen(net_much_slower().records), Not(HasSubstr("different weights")));
}

TEST(DifferentWeights, OfOneStorageAreSaidBeside) {
  std::vector<records::Record> records = of_other_sizes();
  for (records::Record& record : records)
    record.experiment.same_storage = {{"nvme", "net", "the same storage: both lie on vdb"}};
  EXPECT_THAT(first_screen(records),
              AllOf(HasSubstr("`nvme` and `net` are the same storage and hold different weights\n"),
                    HasSubstr("this is no comparison of storage.** **`nvme` holds 8.03 GB"),
                    HasSubstr("\n1. Whatever differs comes from elsewhere. ")));
}

TEST(DifferentWeights, SizesThatReadTheSameAreToldApart) {
  std::vector<records::Record> records = net_much_slower().records;
  for (records::Record& record : records) {
    if (record.arm == "net") record.checkpoint_bytes += 1;
  }
  EXPECT_THAT(first_screen(records), HasSubstr("`nvme` holds 16060522240 B of weights, `net` holds "
                                               "16060522241 B."));
}

TEST(DifferentWeights, LeaveNothingThatIsCalledStoragesDifference) {
  const auto sentences = [](const auto& all) { return dominance_of(all.at(0)); };
  EXPECT_THAT(reported(net_much_slower().records, sentences),
              Contains(HasSubstr("Storage makes `net`")));
  EXPECT_THAT(reported(of_other_sizes(), sentences),
              Not(Contains(HasSubstr("Storage makes `net`"))));
}

TEST(DifferentWeights, LeaveNoAdviceOnPathsButToMeasureTheSame) {
  const auto note = [](const auto& all) { return recommendation_note(all.at(0)); };
  EXPECT_THAT(reported(net_much_slower().records, note),
              AllOf(HasSubstr("**Put models for user-facing endpoints (30 s) on `nvme`:**"),
                    HasSubstr("How a node starts")));
  EXPECT_THAT(reported(of_other_tensors(), note),
              AllOf(HasSubstr("**Measure the same weights on all paths before choosing:** `nvme` "
                              "and `net` hold"),
                    Not(HasSubstr("Put models")), Not(HasSubstr("as long as")),
                    Not(HasSubstr("How a node starts"))));
}

TEST(DifferentWeights, AreInEveryForm) {
  const auto records = of_other_sizes();
  const char* const text = "nvme holds 8.03 GB of weights, net holds 16.1 GB";
  EXPECT_THAT(reported(records, [](const auto& all) { return terminal_summary(all); }),
              HasSubstr(std::string("different weights: ") + text));
  const auto json = reported(records, [](const auto& all) { return to_json(all); });
  EXPECT_EQ(json.at("comparison").at("different_weights").as_array().size(), 1U);
  EXPECT_THAT(reported(records, [](const auto& all) { return confounds_of(all.at(0)); }),
              Contains(HasSubstr("Different weights: `nvme` holds 8.03 GB")));
}

TEST(DifferentWeights, AreEachHeldAgainstTheirOwnSize) {
  auto records = behind_a_stand_in().records;
  for (records::Record& record : records) {
    if (record.arm == "nvme") record.checkpoint_bytes *= 4;
  }
  const auto expectations =
      reported(records, [](const auto& all) { return all.at(0).expectations; });
  EXPECT_NEAR(expectations.at(0).load_s, 2.16e9 / 250e6, 1e-9);
}

}  // namespace
}  // namespace coldload::report
