#include "records/contradiction.h"

#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::records {
namespace {

using ::testing::HasSubstr;

Record verified() {
  Record record;
  record.cold = Cold::verified;
  record.load_s = 12.5;
  record.resident_bytes_before = 0;
  record.storage_bytes_read = 7'000'000;
  record.storage_bytes_source = "block_device";
  return record;
}

TEST(Contradiction, IsNoneInWhatATrialCanBe) {
  EXPECT_EQ(contradiction_in(verified()), "");
  Record failed;
  failed.status = Status::failed;
  EXPECT_EQ(contradiction_in(failed), "");
  Record warm = verified();
  warm.cold = Cold::warm;
  warm.resident_bytes_before = 7'000'000;
  EXPECT_EQ(contradiction_in(warm), "");
}

TEST(Contradiction, TakesTheClaimFromARecordThatHasOne) {
  const std::vector<std::pair<std::function<void(Record&)>, const char*>> spoilt{
      {[](Record& r) { r.load_s.reset(); }, "no load_s"},
      {[](Record& r) { r.load_s = -1; }, "load_s is -1"},
      {[](Record& r) { r.load_s = std::numeric_limits<double>::quiet_NaN(); }, "load_s is nan"},
      {[](Record& r) { r.status = Status::failed; }, "status is failed"},
      {[](Record& r) { r.resident_bytes_before.reset(); }, "nobody saw"},
      {[](Record& r) { r.resident_bytes_before = 1; }, "1 B of it were in memory"},
      {[](Record& r) { r.storage_bytes_source.clear(); }, "nothing counted"},
  };
  for (const auto& [spoil, words] : spoilt) {
    Record record = verified();
    spoil(record);
    const Status before = record.status;
    distrust_contradiction(&record);
    EXPECT_EQ(record.cold, Cold::unknown) << words;
    EXPECT_EQ(record.status, before == Status::ok ? Status::not_cold : before) << words;
    EXPECT_THAT(record.reason, HasSubstr(words));
  }
}

}  // namespace
}  // namespace coldload::records
