#include "measure/cold_together.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/error.h"

namespace coldload::measure {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t k_all = 1'000'000'000;

// Of several servers at a local disk, one that read `bytes` itself.
ColdEvidence server_that_read(std::uint64_t bytes) {
  ColdEvidence e;
  e.resident_bytes_before = 0;
  e.needed_bytes = k_all;
  e.counter_bytes = k_all;
  e.counter_source = "block_device";
  e.observed.target_bytes = bytes;
  e.processes_are_charged = true;
  e.weights_resident_after = k_all;
  return e;
}

TEST(ColdTogether, EachAloneReadLessThanTheWhole) {
  const std::vector<ColdEvidence> servers{server_that_read(k_all / 4), server_that_read(0),
                                          server_that_read(3 * k_all / 4)};
  EXPECT_EQ(judge_cold(servers[2]).cold, records::Cold::not_cold);
  const ColdVerdict verdict = judge_together(servers);
  EXPECT_EQ(verdict.cold, records::Cold::verified) << verdict.reason;
  EXPECT_EQ(verdict.storage_bytes_read, k_all);
}

TEST(ColdTogether, TooLittleIsTooLittle) {
  EXPECT_EQ(judge_together({server_that_read(k_all / 2), server_that_read(k_all / 3)}).cold,
            records::Cold::not_cold);
}

// Past the page cache, or out of it at once.
TEST(ColdTogether, OnePartReadByEachIsNoWhole) {
  ColdEvidence half = server_that_read(k_all / 2);
  half.weights_resident_after = 0;
  const ColdVerdict verdict = judge_together({half, half});
  EXPECT_EQ(verdict.cold, records::Cold::unknown);
  EXPECT_THAT(verdict.reason, HasSubstr("several may have read the same part"));
  EXPECT_EQ(verdict.storage_bytes_read, k_all);
  ColdEvidence whole = server_that_read(k_all);
  whole.weights_resident_after = 0;
  EXPECT_EQ(judge_together({half, whole}).cold, records::Cold::verified);
}

TEST(ColdTogether, WhatOneSawOfItsReadsCountsBeforeWhatAnotherGuessed) {
  ColdEvidence saw = server_that_read(k_all);
  saw.weights_read = WeightsRead::seen;
  ColdEvidence guessed = server_that_read(0);
  guessed.needed_bytes = 2 * k_all;
  EXPECT_EQ(judge_together({guessed, saw}).cold, records::Cold::verified);
}

TEST(ColdTogether, WhatStoppedCountingFirstIsNotTheNodes) {
  ColdEvidence early = server_that_read(k_all);
  early.counter_bytes = k_all / 2;
  early.weights_resident_after = k_all / 2;
  EXPECT_EQ(judge_together({early, server_that_read(0)}).cold, records::Cold::verified);
}

TEST(ColdTogether, AStrangerThatOneOfThemSawIsThereForAll) {
  ColdEvidence first = server_that_read(k_all);
  first.processes_are_charged = false;
  ColdEvidence second = first;
  EXPECT_EQ(judge_together({first, second}).cold, records::Cold::verified);
  second.observed.foreign_readers = {"process 7 (cp) has it open: /m/a"};
  const ColdVerdict verdict = judge_together({first, second});
  EXPECT_EQ(verdict.cold, records::Cold::unknown);
  EXPECT_THAT(verdict.reason, HasSubstr("process 7 (cp)"));
}

TEST(ColdTogether, AnAccountThatOneLacksIsNoSum) {
  ColdEvidence blind = server_that_read(0);
  blind.observed.target_bytes.reset();
  EXPECT_EQ(together({server_that_read(k_all / 2), blind}).observed.target_bytes, std::nullopt);
}

// Past the page cache each reads for itself: a half and the same half are no whole.
TEST(ColdTogether, DirectReadsOfSeveralAreNotOneOfAll) {
  ColdEvidence e = server_that_read(0);
  e.processes_are_charged = false;
  e.counter_bytes.reset();
  e.counter_source.clear();
  e.no_counter_reason = "it counts nothing";
  e.weights_resident_after = 0;
  e.direct_bytes = k_all / 2;
  EXPECT_EQ(judge_together({e, e}).cold, records::Cold::unknown);
  e.direct_bytes = k_all;
  const ColdVerdict verdict = judge_together({e, e});
  EXPECT_EQ(verdict.cold, records::Cold::verified) << verdict.reason;
  EXPECT_EQ(verdict.storage_bytes_read, 2 * k_all) << "which the storage gave all the same";
}

TEST(ColdTogether, WhatOneSawToBeReadWasRead) {
  ColdEvidence none = server_that_read(0);
  none.weights_read = WeightsRead::not_at_all;
  ColdEvidence seen = server_that_read(k_all);
  seen.weights_read = WeightsRead::seen;
  EXPECT_EQ(together({none, seen}).weights_read, WeightsRead::seen);
  EXPECT_EQ(judge_together({none, none}).cold, records::Cold::not_cold);
  EXPECT_THROW(
      {
        WeightsRead read{};
        from_value(records::json::value(9), &read);
      },
      os::Error);
}

}  // namespace
}  // namespace coldload::measure
