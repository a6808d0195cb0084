#include "measure/cold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::measure {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t k_needed = 1'000'000'000;

// A load from a local disk about which there is nothing to say against.
ColdEvidence honest() {
  ColdEvidence e;
  e.fs_type = "ext4";
  e.resident_bytes_before = 0;
  e.needed_bytes = k_needed;
  e.counter_bytes = k_needed;
  e.counter_source = "block_device";
  e.observed.target_bytes = k_needed;
  e.processes_are_charged = true;
  e.weights_resident_after = k_needed;
  return e;
}

// The same from a mount whose counter counts everybody's reads of it and nothing else.
ColdEvidence honest_stand_in() {
  ColdEvidence e = honest();
  e.fs_type = "fuse.coldload";
  e.counter_source = "stand_in";
  e.counter_this_mount_only = true;
  e.observed.target_bytes = 0;
  e.processes_are_charged = false;
  return e;
}

ColdEvidence no_counter() {
  ColdEvidence e = honest_stand_in();
  e.fs_type = "fuse.sshfs";
  e.counter_bytes.reset();
  e.counter_source.clear();
  e.counter_this_mount_only = false;
  e.no_counter_reason = "fuse.sshfs counts nothing";
  return e;
}

TEST(JudgeCold, AnHonestLoadIsVerifiedWithoutAReason) {
  const ColdVerdict verdict = judge_cold(honest());
  EXPECT_EQ(verdict.cold, records::Cold::verified);
  EXPECT_EQ(verdict.reason, "");
  EXPECT_EQ(verdict.storage_bytes_read, k_needed);
  EXPECT_EQ(verdict.storage_bytes_source, "block_device");
}

TEST(JudgeCold, WhoStoodStillSawNothingOfIt) {
  ColdEvidence e = honest();
  e.standstill.stopped = std::chrono::milliseconds(3200);
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
  EXPECT_THAT(judge_cold(e).reason, HasSubstr("coldload itself stood still for 3.20 s"));
  e = honest();
  e.standstill.suspended = std::chrono::minutes(2);
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
  EXPECT_THAT(judge_cold(e).reason, HasSubstr("the machine was suspended for 120 s"));
}

TEST(JudgeCold, WhereNoWeightWasReadItSaysOfHowManyFiles) {
  ColdEvidence e = honest();
  e.weights_read = WeightsRead::not_at_all;
  e.candidates = 1;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::not_cold);
  EXPECT_THAT(judge_cold(e).reason, HasSubstr("of 1 file that may hold weights"));
  e.candidates = 2;
  EXPECT_THAT(judge_cold(e).reason, HasSubstr("of 2 files that may hold weights"));
}

TEST(JudgeCold, NinetyFivePercentAreEnoughAndLessIsNot) {
  ColdEvidence e = honest();
  e.counter_bytes = e.observed.target_bytes = k_needed / 100 * 95;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::verified);
  e.counter_bytes = e.observed.target_bytes = k_needed / 100 * 94;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::not_cold);
}

// The same of files with holes, of which storage holds a tenth.
ColdEvidence honest_sparse() {
  ColdEvidence e = honest();
  e.stored_bytes = e.counter_bytes = e.observed.target_bytes = k_needed / 10;
  return e;
}

TEST(JudgeCold, StorageNeedDeliverOnlyWhatItHolds) {
  EXPECT_EQ(judge_cold(honest_sparse()).cold, records::Cold::verified);
  ColdEvidence e = honest_sparse();
  e.counter_bytes = e.observed.target_bytes = k_needed / 20;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::not_cold);
}

TEST(JudgeCold, ThatTheHolesWereReadMustShow) {
  ColdEvidence e = honest_sparse();
  e.weights_resident_after = 0;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
  EXPECT_THAT(judge_cold(e).reason, HasSubstr("storage holds only"));
  e.direct_bytes = k_needed;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::verified);
  e.counter_this_mount_only = true;  // so that a part of it in the page cache is no contradiction
  for (const auto bytes_seen :
       {&ColdEvidence::weights_resident_after, &ColdEvidence::direct_bytes}) {
    e.weights_resident_after.reset();
    e.direct_bytes.reset();
    e.*bytes_seen = k_needed / 100 * 95;
    EXPECT_EQ(judge_cold(e).cold, records::Cold::verified);
    e.*bytes_seen = k_needed / 100 * 95 - 1;
    EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
  }
}

TEST(JudgeCold, WhereWhatIsStoredIsNotKnownFewerBytesAreUnknown) {
  ColdEvidence e = honest();
  e.not_comparable = "squashfs compresses";
  EXPECT_EQ(judge_cold(e).cold, records::Cold::verified);
  e.counter_bytes = k_needed / 2;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
  EXPECT_THAT(judge_cold(e).reason,
              HasSubstr("squashfs compresses: bytes read cannot be compared"));
  EXPECT_THAT(judge_cold(e).reason, Not(HasSubstr("memory")));
  e.counter_bytes = k_needed;
  e.observed.target_bytes = k_needed / 2;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
}

TEST(JudgeCold, AShareInMemoryCanNeverBeColdAndTheRestMustBe) {
  ColdEvidence e = honest();
  e.memory_share = "1 of 3 weight files, 2 GB of 7 GB, is memory (tmpfs)";
  EXPECT_EQ(judge_cold(e).cold, records::Cold::not_applicable);
  EXPECT_THAT(judge_cold(e).reason, HasSubstr("2 GB of 7 GB"));
  e.counter_bytes = k_needed / 2;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::not_cold);
  EXPECT_THAT(judge_cold(e).reason, HasSubstr("2 GB of 7 GB"));
}

TEST(JudgeCold, OneResidentPageIsNotColdAndIsNamed) {
  ColdEvidence e = honest();
  e.resident_bytes_before = 4096;
  e.leftovers = {{"/m/a.safetensors", 65536, 1, {"process 12 (x) maps it"}}};
  const ColdVerdict verdict = judge_cold(e);
  EXPECT_EQ(verdict.cold, records::Cold::not_cold);
  EXPECT_THAT(verdict.reason, HasSubstr("1 pages"));
  EXPECT_THAT(verdict.reason, HasSubstr("/m/a.safetensors"));
  EXPECT_THAT(verdict.reason, HasSubstr("process 12"));
}

TEST(JudgeCold, ManyLeftoversAreCounted) {
  ColdEvidence e = honest();
  e.resident_bytes_before = 9 * 4096;
  for (int i = 0; i < 9; ++i) e.leftovers.push_back({"/m/" + std::to_string(i), 4096, 1, {}});
  EXPECT_THAT(judge_cold(e).reason, HasSubstr("and 6 more files"));
}

TEST(JudgeCold, MemoryCanNeverBeCold) {
  ColdEvidence e = honest();
  e.memory_backed = true;
  e.fs_type = "tmpfs";
  e.resident_bytes_before = k_needed;
  e.counter_bytes.reset();
  EXPECT_EQ(judge_cold(e).cold, records::Cold::not_applicable);
}

TEST(JudgeCold, ReadsOfSomebodyElseDoNotCountForTheTarget) {
  ColdEvidence e = honest();
  e.observed.target_bytes = k_needed / 10;
  e.observed.foreign_readers = {"process 12 (cat) has it open: /m/a"};
  const ColdVerdict verdict = judge_cold(e);
  EXPECT_EQ(verdict.cold, records::Cold::not_cold);
  EXPECT_THAT(verdict.reason, HasSubstr("process 12"));
}

TEST(JudgeCold, LostChildrenMakeItUnknownNotCold) {
  ColdEvidence e = honest();
  e.observed.target_bytes = 0;
  e.observed.lost_children = true;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
  EXPECT_THAT(judge_cold(e).reason, HasSubstr("SIGCHLD"));
}

TEST(JudgeCold, LostChildrenDoNotSpoilAFullAccount) {
  ColdEvidence e = honest();
  e.observed.lost_children = true;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::verified);
}

TEST(JudgeCold, HalfOfTheWeightsAndMuchCodeDoNotPass) {
  ColdEvidence e = honest();
  e.weights_resident_after = k_needed / 2;
  const ColdVerdict verdict = judge_cold(e);
  EXPECT_EQ(verdict.cold, records::Cold::unknown);
  EXPECT_THAT(verdict.reason, HasSubstr("page cache"));
}

TEST(JudgeCold, WhatWasResidentOnceMayBeReclaimedBeforeReady) {
  ColdEvidence e = honest();
  e.weights_resident_after = k_needed / 2;
  e.weights_resident_once = k_needed;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::verified);
  e.weights_resident_once = k_needed / 100 * 96;  // an estimate: that may be less than needed
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
}

TEST(JudgeCold, WithoutACounterToo) {
  ColdEvidence e = honest();
  e.counter_bytes.reset();
  e.processes_are_charged = false;
  e.weights_resident_after = k_needed / 2;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
  e.weights_resident_once = k_needed;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::verified);
}

TEST(JudgeCold, HalfResidentPassesWhereMemoryIsTooSmallForTheCheckpoint) {
  ColdEvidence e = honest();
  e.weights_resident_after = k_needed / 2;
  e.cache_can_hold = false;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::verified);
}

TEST(JudgeCold, NothingResidentAfterwardsIsADirectReader) {
  ColdEvidence e = honest();
  e.weights_resident_after = 0;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::verified);
}

TEST(JudgeCold, TheStandInsCounterStandsAloneWhileNobodyElseHasTheFiles) {
  EXPECT_EQ(judge_cold(honest_stand_in()).cold, records::Cold::verified);
  ColdEvidence e = honest_stand_in();
  e.observed.foreign_readers = {"process 12 (cat) has it open: /m/a"};
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
}

TEST(JudgeCold, AStandInThatServedHalfIsNotCold) {
  ColdEvidence e = honest_stand_in();
  e.counter_bytes = k_needed / 2;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::not_cold);
}

TEST(JudgeCold, ProcessesAloneDecideWhereTheDeviceIsHidden) {
  ColdEvidence e = honest();
  e.fs_type = "overlay";
  e.counter_bytes.reset();
  e.counter_source.clear();
  EXPECT_EQ(judge_cold(e).cold, records::Cold::verified);
  EXPECT_EQ(judge_cold(e).storage_bytes_source, "process_tree");
  e.observed.target_bytes = k_needed / 2;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::not_cold);
  e.observed.lost_children = true;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
}

TEST(JudgeCold, WithoutACounterFullResidencyAfterwardsDecides) {
  EXPECT_EQ(judge_cold(no_counter()).cold, records::Cold::verified);
  EXPECT_EQ(judge_cold(no_counter()).storage_bytes_source, "residency");
  EXPECT_FALSE(judge_cold(no_counter()).storage_bytes_read);
  ColdEvidence e = no_counter();
  e.weights_resident_after = k_needed / 2;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
  e = no_counter();
  e.observed.foreign_readers = {"process 12"};
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
  e = no_counter();
  e.weights_resident_after.reset();
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
}

TEST(JudgeCold, WithoutACounterTheLoadersOwnDirectReadsCount) {
  ColdEvidence e = no_counter();
  e.weights_resident_after = 0;
  e.direct_bytes = k_needed;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::verified);
  EXPECT_EQ(judge_cold(e).storage_bytes_source, "direct_io");
  e.direct_bytes = k_needed / 2;
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
}

TEST(JudgeCold, NobodySeenAtTheFilesIsNobodyOnlyWhereOneLooked) {
  for (ColdEvidence e : {honest_stand_in(), no_counter()}) {
    ASSERT_EQ(judge_cold(e).cold, records::Cold::verified);
    e.observed.gap = "no descriptor is left";
    EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
    EXPECT_THAT(judge_cold(e).reason, HasSubstr("no descriptor is left"));
  }
  ColdEvidence e = honest();  // here the target's own reads are known
  e.observed.gap = "no descriptor is left";
  EXPECT_EQ(judge_cold(e).cold, records::Cold::verified);
}

TEST(JudgeCold, BytesAloneDoNotMakeItVerified) {
  ColdEvidence e = honest();
  e.resident_bytes_before.reset();
  const ColdVerdict verdict = judge_cold(e);
  EXPECT_EQ(verdict.cold, records::Cold::unknown);
  EXPECT_THAT(verdict.reason, HasSubstr("residency"));
}

TEST(JudgeCold, AHiddenClientCacheIsUnknown) {
  ColdEvidence e = honest();
  e.fs_type = "zfs";
  e.hidden_cache = "ZFS's ARC holds files";
  EXPECT_EQ(judge_cold(e).cold, records::Cold::unknown);
}

TEST(ColdWord, IsTheVerdictOfALoadThatShouldBeCold) {
  for (const auto judged : {records::Cold::verified, records::Cold::not_cold,
                            records::Cold::unknown, records::Cold::not_applicable}) {
    EXPECT_EQ(cold_word({TrialKind::cold, ColdPolicy::verify, false, true, true, judged}), judged);
    EXPECT_EQ(cold_word({TrialKind::cold, ColdPolicy::best_effort, false, true, true, judged}),
              judged);
  }
}

TEST(ColdWord, OfALoadThatFailedClaimsNothingOfWhatItRead) {
  EXPECT_EQ(
      cold_word({TrialKind::cold, ColdPolicy::verify, false, false, true, records::Cold::not_cold}),
      records::Cold::unknown);
  EXPECT_EQ(
      cold_word({TrialKind::cold, ColdPolicy::verify, true, false, true, records::Cold::unknown}),
      records::Cold::not_applicable);
}

TEST(ColdWord, IsUnknownWhereColdloadDidNotSeeWhatItShouldTime) {
  for (const TrialKind kind : {TrialKind::cold, TrialKind::warm}) {
    EXPECT_EQ(cold_word({kind, ColdPolicy::verify, false, true, false, records::Cold::verified}),
              records::Cold::unknown);
  }
}

TEST(ColdWord, IsWhatWasMeantWhereNothingShouldBeColdHoweverItEnds) {
  for (const bool loaded : {true, false}) {
    const auto judged = records::Cold::not_cold;
    for (const bool memory : {true, false}) {
      EXPECT_EQ(cold_word({TrialKind::cold, ColdPolicy::off, memory, loaded, true, judged}),
                records::Cold::off);
      EXPECT_EQ(cold_word({TrialKind::warm_up, ColdPolicy::verify, memory, loaded, true, judged}),
                records::Cold::off);
      EXPECT_EQ(
          cold_word({TrialKind::after_copy, ColdPolicy::verify, memory, loaded, true, judged}),
          records::Cold::off);
      EXPECT_EQ(cold_word({TrialKind::warm, ColdPolicy::off, memory, loaded, true, judged}),
                records::Cold::warm);
    }
  }
}

}  // namespace
}  // namespace coldload::measure
