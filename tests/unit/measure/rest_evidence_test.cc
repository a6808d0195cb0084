#include "measure/rest_evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::measure {
namespace {

using records::Cold;
using ::testing::HasSubstr;

constexpr std::uint64_t k_mb = 1'000'000;

// Of a start that read 100 MB beside 1 GB of weights, all from storage.
RestEvidence all_cold() {
  RestEvidence evidence;
  evidence.files = 1000;
  evidence.bytes = 120 * k_mb;
  evidence.sees_program = true;
  evidence.resident_bytes_before = 0;
  evidence.came_bytes = 100 * k_mb;
  evidence.came_bytes_earlier = 100 * k_mb;
  evidence.target_bytes = 1100 * k_mb;
  evidence.weight_bytes = 1000 * k_mb;
  return evidence;
}

void expect(const RestEvidence& evidence, Cold cold, const char* words) {
  const RestVerdict verdict = judge_rest(evidence);
  EXPECT_EQ(verdict.cold, cold) << verdict.reason;
  if (*words == '\0') {
    EXPECT_EQ(verdict.reason, "");
  } else {
    EXPECT_THAT(verdict.reason, HasSubstr(words));
  }
}

TEST(JudgeRest, WhatWasOutOfMemoryAndCameIsVerified) {
  expect(all_cold(), Cold::verified, "");
  RestEvidence first = all_cold();
  first.came_bytes_earlier.reset();
  expect(first, Cold::verified, "");
}

TEST(JudgeRest, AProblemIsTheReason) {
  RestEvidence evidence = all_cold();
  evidence.problem = "it could not be evicted: the mount hangs";
  expect(evidence, Cold::unknown, "the mount hangs");
}

TEST(JudgeRest, WithoutAStartSetNothingIsKnown) {
  expect({}, Cold::unknown, "which files the start reads beside the weights is not known");
}

TEST(JudgeRest, WhereTheKernelTellsOfNoFileNothingIsKnown) {
  RestEvidence evidence = all_cold();
  evidence.resident_bytes_before.reset();
  expect(evidence, Cold::unknown, "was in memory before launch cannot be seen");
}

TEST(JudgeRest, OnePageThatNobodyMapsIsNotCold) {
  RestEvidence evidence = all_cold();
  evidence.resident_bytes_before = 4096;
  evidence.leftovers = {"/a", "/b"};
  expect(evidence, Cold::not_cold, "nobody is seen to map it: /a, /b");
  evidence.sees_program = false;
  expect(evidence, Cold::not_cold, "stayed in memory");  // what is known comes first
}

TEST(JudgeRest, WhereNoFileOfTheProgramIsSeenNothingIsKnown) {
  RestEvidence evidence = all_cold();
  evidence.sees_program = false;
  expect(evidence, Cold::unknown, "no file of the server's program or packages could be seen");
}

TEST(JudgeRest, ATenthMayBeUnseenAndNoMore) {
  RestEvidence evidence = all_cold();
  evidence.unseen_bytes = 12 * k_mb;
  expect(evidence, Cold::verified, "");
  evidence.unseen_bytes += 1;
  expect(evidence, Cold::unknown, "the kernel does not tell what is in memory");
}

TEST(JudgeRest, AFirstStartFindsNoCaches) {
  RestEvidence evidence = all_cold();
  evidence.wants_no_caches = true;
  evidence.cached_files = 0;
  expect(evidence, Cold::verified, "");
  evidence.cached_files = 2;
  expect(evidence, Cold::not_cold, "2 files were in the runtime caches");
  evidence.cached_files.reset();
  expect(evidence, Cold::unknown, "what the runtime caches held before launch is not known");
  evidence.wants_no_caches = false;
  expect(evidence, Cold::verified, "");
}

TEST(JudgeRest, WhatDidNotComeIsNotClaimed) {
  RestEvidence evidence = all_cold();
  evidence.came_bytes.reset();
  expect(evidence, Cold::unknown, "cannot be seen");
  evidence.came_bytes = 0;
  expect(evidence, Cold::unknown, "nothing of what the start reads beside the weights came");
  evidence.came_bytes_earlier.reset();
  expect(evidence, Cold::unknown, "nothing of what the start reads beside the weights came");
}

TEST(JudgeRest, AStartThatReadMuchLessThanAnEarlierOneIsNotClaimed) {
  RestEvidence evidence = all_cold();
  evidence.came_bytes = 90 * k_mb;
  evidence.target_bytes.reset();
  expect(evidence, Cold::verified, "");
  evidence.came_bytes = 89 * k_mb;
  expect(evidence, Cold::unknown, "only 89");
}

// A kernel that takes idle pages back hides what came.
TEST(JudgeRest, UnlessItsProcessesReadAsMuchAsAll) {
  RestEvidence evidence = all_cold();
  evidence.came_bytes = 40 * k_mb;
  expect(evidence, Cold::verified, "");
  evidence.target_bytes = 980 * k_mb;
  expect(evidence, Cold::unknown, "an earlier such start read 100");
}

}  // namespace
}  // namespace coldload::measure
