#include "api/plan.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/error.h"

namespace coldload::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t k_mib = std::uint64_t{1} << 20;

// Two files: of 1 MiB tensors behind 1,000 bytes of header, and of odd ones.
Opened two_files() {
  Opened opened;
  opened.files = {{"a", 10 * k_mib + 1000, {}}, {"b", 3 * k_mib, {}}};
  for (std::uint64_t i = 0; i < 10; ++i) {
    opened.tensors.push_back({fmt::format("a{}", i),
                              model::Dtype::f32,
                              {256, 1024},
                              0,
                              1000 + i * k_mib,
                              1000 + (i + 1) * k_mib});
  }
  opened.tensors.push_back({"scalar", model::Dtype::f32, {}, 1, 100, 104});
  opened.tensors.push_back({"empty", model::Dtype::f32, {0, 7}, 1, 104, 104});
  opened.tensors.push_back({"half", model::Dtype::f4, {3, 2}, 1, 104, 107});
  opened.tensors.push_back({"large", model::Dtype::u8, {3 * k_mib - 107}, 1, 107, 3 * k_mib});
  return opened;
}

std::string refusal(const std::vector<Part>& parts) {
  try {
    (void)wanted(two_files(), parts);
  } catch (const os::Error& error) {
    return error.what();
  }
  return "none";
}

TEST(Wanted, IsEveryTensorWhereNothingElseIsSaid) {
  const std::vector<Wanted> all = wanted(two_files(), std::nullopt);
  ASSERT_THAT(all, SizeIs(14));
  EXPECT_EQ(all[10].count, 1U);
  EXPECT_EQ(all[11].bytes(), 0U);
  EXPECT_EQ(all[13].bytes(), 3 * k_mib - 107);
}

TEST(Wanted, IsRowsOfATensor) {
  const std::vector<Wanted> rows = wanted(two_files(), {{{3, 2, 4}, {3, 200, {}}, {12, 1, 1}}});
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_EQ(rows[0].begin, 1000 + 3 * k_mib + 2 * 4096);
  EXPECT_EQ(rows[0].bytes(), 4U * 4096);
  EXPECT_EQ(rows[1].count, 56U);
  EXPECT_EQ(rows[1].end, 1000 + 4 * k_mib);
  EXPECT_EQ(rows[2].bytes(), 1U);
}

TEST(Wanted, RefusesWhatIsNotThere) {
  constexpr std::uint64_t k_most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_THAT(refusal({{14, 0, {}}}), HasSubstr("cannot load tensor 14: the checkpoint has 14"));
  EXPECT_THAT(refusal({{0, 256, 1}}), HasSubstr("cannot load 1 of \"a0\" from 256 on: it has 256"));
  EXPECT_THAT(refusal({{0, 1, k_most}}), HasSubstr("of \"a0\" from 1 on"));
  EXPECT_THAT(refusal({{0, k_most, {}}}), HasSubstr("cannot load 0 of \"a0\""));
  EXPECT_THAT(refusal({{10, 0, 2}}), HasSubstr("of \"scalar\""));
  EXPECT_THAT(refusal({{0, 0, 2}, {1, 0, {}}, {0, 1, 2}}), HasSubstr("\"a0\" twice"));
  EXPECT_THAT(refusal({{0, 0, 2}, {0, 2, 2}}), HasSubstr("none"));
}

std::vector<std::uint64_t> begins(const Plan& plan) {
  std::vector<std::uint64_t> begins;
  for (const Run& run : plan.runs) begins.push_back(run.shard.begin / k_mib);
  return begins;
}

TEST(Plan, ReadsEachFileInOneRun) {
  const Opened opened = two_files();
  const Plan all = plan(opened, wanted(opened, std::nullopt), {});
  ASSERT_THAT(all.runs, SizeIs(2));
  EXPECT_EQ(all.runs[0].shard.wanted_bytes(), opened.files[0].bytes);
  EXPECT_EQ(all.runs[1].shard.wanted_bytes(), opened.files[1].bytes);
  EXPECT_THAT(all.runs[0].wanted, SizeIs(10));
  ASSERT_THAT(all.empty, SizeIs(1));
  EXPECT_EQ(all.empty[0].tensor, 11U);
}

TEST(Plan, CutsRunsThatHoldWholeTensors) {
  const Opened opened = two_files();
  const Plan cut = plan(opened, wanted(opened, std::nullopt), {2 * k_mib, 0, 1});
  std::uint64_t tensors = cut.empty.size();
  for (const api::Run& run : cut.runs) {
    tensors += run.wanted.size();
    EXPECT_LE(run.shard.begin, run.wanted.front().begin);
    EXPECT_GE(run.shard.end.value_or(run.shard.bytes), run.wanted.back().end);
    EXPECT_TRUE(run.wanted.size() == 1 || run.shard.wanted_bytes() <= 3 * k_mib);
  }
  EXPECT_EQ(tensors, opened.tensors.size());
}

TEST(Plan, LeavesOutWhatNobodyWants) {
  const Opened opened = two_files();
  const Plan some = plan(opened, wanted(opened, {{{1, 0, {}}, {7, 0, {}}, {8, 0, {}}}}), {});
  EXPECT_THAT(begins(some), ElementsAre(1, 7));
  EXPECT_EQ(some.runs[0].shard.wanted_bytes(), 2 * k_mib);
  EXPECT_EQ(some.runs[1].shard.end, 10 * k_mib);
  EXPECT_THAT(plan(opened, wanted(opened, std::vector<Part>{}), {}).runs, IsEmpty());
}

TEST(Plan, EachRankBeginsElsewhere) {
  const Opened opened = two_files();
  const std::vector<Wanted> all =
      wanted(opened, {{{0, 0, {}}, {3, 0, {}}, {6, 0, {}}, {9, 0, {}}}});
  EXPECT_THAT(begins(plan(opened, all, {0, 0, 2})), ElementsAre(0, 3, 6, 9));
  EXPECT_THAT(begins(plan(opened, all, {0, 1, 2})), ElementsAre(6, 9, 0, 3));
}

}  // namespace
}  // namespace coldload::api
