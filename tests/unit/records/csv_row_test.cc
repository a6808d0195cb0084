#include "records/csv_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/csv.h"
#include "unit/records/records.h"

namespace coldload::records {
namespace {

using testing::HasSubstr;
using testing::Not;

Record trial() {
  Record record = cold_trial(experiment({arm("nvme"), stand_in_arm("net", 250e6)}), "net", 9.12345);
  record.run_id = 3;
  return record;
}

std::vector<std::string> row_of(const Record& record) {
  std::string error;
  return text::parse_csv(csv_row_of(record), &error)->at(0).fields;
}

TEST(CsvRow, HeaderIsTheOneThatOtherToolsKnow) {
  EXPECT_EQ(csv_header(), "run_id,storage_mode,model,max_model_len,load_s,gpu_mem_used_mb,notes\n");
}

TEST(CsvRow, AColdTrialCarriesItsTime) {
  Record record = trial();
  record.max_model_len = 4096;
  record.gpu_mem_used_mb = 66189.6;
  EXPECT_EQ(row_of(record),
            (std::vector<std::string>{
                "3", "net", "Llama-3.1-8B", "4096", "9.123", "66190",
                "path=/mnt/net/Llama-3.1-8B; cold=verified; experiment=20250307T101112Z-4af1; "
                "order=random; seed=41; target=native; stand_in=250MB/s,1ms (fuse), delivered 248 "
                "MB/s to read, 242 MB/s to mmap"}));
}

TEST(CsvRow, UnknownIsEmptyAndTheReasonIsInTheNotes) {
  const auto row = row_of(trial());
  EXPECT_EQ(row[3], "");
  EXPECT_EQ(row[5], "");
  EXPECT_THAT(row[6], HasSubstr("gpu_mem=no GPU: libnvidia-ml.so.1 is not installed"));
}

TEST(CsvRow, ATrialThatIsNotWhatItClaimsCarriesNoTime) {
  Record record = trial();
  record.status = Status::not_cold;
  record.cold = Cold::not_cold;
  record.reason = "12 pages are locked; by a=b";
  const auto row = row_of(record);
  EXPECT_EQ(row[4], "");
  EXPECT_THAT(row[6], testing::StartsWith("status=not_cold; measured_s=9.123; reason=12 pages are "
                                          "locked%3B by a%3Db; path="));
  record.status = Status::failed;
  record.load_s.reset();
  EXPECT_THAT(row_of(record)[6], Not(HasSubstr("measured_s")));
}

TEST(CsvRow, SaysWhatIsNotDefault) {
  Record record = trial();
  EXPECT_THAT(row_of(record)[6], Not(HasSubstr("cold_policy")));
  record.experiment.cold_policy = "best-effort";
  record.experiment.drop_caches = true;
  record.copy_s = 24;
  record.log_file = "logs/3.log";
  record.note = "a note";
  record.remarks = {"busy", "very busy"};
  EXPECT_THAT(row_of(record)[6], HasSubstr("cold_policy=best-effort; drop_caches=yes"));
  EXPECT_THAT(row_of(record)[6], HasSubstr("copy_s=24.000"));
  EXPECT_THAT(row_of(record)[6],
              HasSubstr("remark=busy; remark=very busy; log=logs/3.log; note=a note"));
}

}  // namespace
}  // namespace coldload::records
