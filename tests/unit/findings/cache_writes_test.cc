#include "findings/cache_writes.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "findings/compare.h"
#include "unit/records/records.h"

namespace coldload::findings {
namespace {

using records::Caches;

// Three cold starts and a warm one, all of which found what they need.
std::vector<records::Record> hits(const char* compile_cache = "private") {
  auto facts = experiment({arm("nvme")});
  facts.target = "vllm";
  facts.environment["server"] = {{"compile_cache", compile_cache}};
  auto records = numbered({cold_trial(facts, "nvme", 1), cold_trial(facts, "nvme", 2),
                           cold_trial(facts, "nvme", 3), warm_trial(facts, "nvme", 0.5)});
  for (records::Record& record : records) record.caches = Caches::hit;
  return records;
}

void write_more(Caches verdict, records::Record* record) {
  record->caches = verdict;
  record->caches_written_files = 20;
  record->caches_written_bytes = 5'000'000;
}

std::vector<CacheWrites> writes(const std::vector<records::Record>& records) {
  const records::Dataset dataset = records::dataset_of(records);
  const Comparison comparison = compare(dataset).at(0);
  std::vector<CacheWrites> found = cache_writes_of(comparison, comparison.arms.at(0));
  for (CacheWrites& one : found) one.mode = nullptr;  // gone with it
  return found;
}

TEST(CacheWrites, AreNoneWhereEveryStartHit) { EXPECT_TRUE(writes(hits()).empty()); }

TEST(CacheWrites, AddUpOverTheStartsOfAMode) {
  auto records = hits();
  write_more(Caches::mixed, &records[0]);
  write_more(Caches::mixed, &records[2]);
  const auto found = writes(records);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].found, Caches::mixed);
  EXPECT_EQ(found[0].starts, 2U);
  EXPECT_EQ(found[0].told, 3U);
  EXPECT_EQ(found[0].files, 40U);
  EXPECT_EQ(found[0].bytes, 10'000'000U);
}

TEST(CacheWrites, OfWarmStartsAreTold) {
  auto records = hits();
  write_more(Caches::mixed, &records[3]);
  const auto found = writes(records);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].told, 1U);
}

TEST(CacheWrites, OfAStartThatFoundNoneAreApart) {
  auto records = hits();
  write_more(Caches::filled, &records[0]);
  write_more(Caches::mixed, &records[1]);
  const auto found = writes(records);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].found, Caches::filled);
  EXPECT_EQ(found[1].found, Caches::mixed);
}

TEST(CacheWrites, AreWhatIsWantedOfFreshCaches) {
  auto records = hits("fresh");
  for (records::Record& record : records) write_more(Caches::filled, &record);
  EXPECT_TRUE(writes(records).empty());
}

TEST(CacheWrites, OfTrialsThatCountNowhereAreNotTold) {
  auto records = hits();
  write_more(Caches::mixed, &records[0]);
  records[0].status = records::Status::failed;
  records[1].caches.reset();
  EXPECT_TRUE(writes(records).empty());
  write_more(Caches::mixed, &records[2]);
  ASSERT_EQ(writes(records).size(), 1U);
  EXPECT_EQ(writes(records)[0].told, 1U);
}

}  // namespace
}  // namespace coldload::findings
