#include "measure/read_set.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::measure {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr storage::Access k_opened{true, false};
constexpr storage::Access k_read{true, true};

ReadSet of(const std::vector<CandidateUse>& uses, bool complete = true, bool directly = false) {
  return read_set_of(uses, complete, directly);
}

TEST(ReadSet, IsTheFilesWhosePagesCame) {
  const ReadSet set =
      of({{100, 100, k_read, false}, {100, 0, {}, false}, {100, 50, k_read, false}});
  EXPECT_EQ(set.read, WeightsRead::seen);
  EXPECT_THAT(set.files, ElementsAre(0U, 2U));
}

TEST(ReadSet, ALookAtTheHeadIsNoRead) {
  const ReadSet set = of({{1000, 4, k_read, false}});
  EXPECT_EQ(set.read, WeightsRead::hardly);
  EXPECT_THAT(set.files, IsEmpty());
  EXPECT_EQ(of({{1000, 50, k_read, false}}).read, WeightsRead::hardly);
  EXPECT_EQ(of({{1000, 51, k_read, false}}).read, WeightsRead::seen);
}

TEST(ReadSet, WhatWasReadAndLeftNothingWentPastThePageCache) {
  EXPECT_THAT(of({{1000, 0, k_read, false}}).files, ElementsAre(0U));
  EXPECT_EQ(of({{1000, 0, k_opened, false}}).read, WeightsRead::hardly);
}

TEST(ReadSet, DirectReadsLeaveAtMostAHead) {
  EXPECT_THAT(of({{1000, 4, k_read, true}}).files, ElementsAre(0U));
  EXPECT_THAT(of({{1000, 4, k_opened, false}, {1000, 0, {}, false}}, true, true).files,
              ElementsAre(0U));
}

TEST(ReadSet, NothingWasReadWhereNothingWasOpened) {
  EXPECT_EQ(of({{1000, 0, {}, false}}).read, WeightsRead::not_at_all);
}

TEST(ReadSet, IsNotKnownWhereAnOpeningMayHaveBeenMissed) {
  EXPECT_EQ(of({{1000, 0, {}, false}}, false).read, WeightsRead::not_known);
}

TEST(ReadSet, GoesByTheOpeningWhereTheKernelDoesNotTellOfPages) {
  EXPECT_THAT(of({{1000, std::nullopt, k_opened, false}, {1000, std::nullopt, {}, false}}).files,
              ElementsAre(0U));
}

TEST(NotRead, NamesTheLargestAndSumsTheRest) {
  const std::vector<Candidate> candidates{{"a", "/a", 100, 100, true},
                                          {"b", "/b", 200, 200, false},
                                          {"c", "/c", 3'000'000, 3'000'000, false},
                                          {"d", "/d", 4'000'000, 4'000'000, false},
                                          {"e", "/e", 5'000'000, 5'000'000, false}};
  EXPECT_EQ(not_read(candidates, {WeightsRead::seen, {0}}),
            "not read: e 5.00 MB, d 4.00 MB, c 3.00 MB, and 1 more of 200 B");
  EXPECT_EQ(not_read(candidates, {WeightsRead::seen, {0, 1, 2, 3, 4}}), "");
  EXPECT_EQ(not_read(candidates, {WeightsRead::not_known, {}}), "");
}

}  // namespace
}  // namespace coldload::measure
