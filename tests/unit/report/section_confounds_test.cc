#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "findings/compare.h"
#include "report/sections.h"
#include "unit/records/report_cases.h"

namespace coldload::report {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> confounds(const std::vector<records::Record>& records) {
  const records::Dataset dataset = records::dataset_of(records);
  return confounds_of(findings::compare(dataset).at(0));
}

text::json::object server(const char* compile_cache) {
  text::json::object facts;
  facts["compile_cache"] = compile_cache;
  return facts;
}

// Two paths of a vLLM, two trials each.
std::vector<records::Record> vllm_trials() {
  auto facts = experiment({arm("nvme"), arm("net")});
  facts.target = "vllm";
  facts.environment["server"] = server("private");
  std::vector<records::Record> records;
  for (const char* const label : {"nvme", "net", "nvme", "net"}) {
    records::Record record = cold_trial(facts, label, 10);
    record.run_id = records.size() + 1;
    record.reported = {{"version", "0.24.0"},
                       {"file_system", "EXT4"},
                       {"compile_s", 4.3},
                       {"compile_cache", "Directly load"}};
    records.push_back(std::move(record));
  }
  return records;
}

TEST(Confounds, AreNoneWhereNothingDiffers) {
  EXPECT_THAT(confounds(vllm_trials()), Not(Contains(HasSubstr("**"))));
  EXPECT_THAT(confounds(vllm_trials()),
              Contains("The server's own log takes `nvme` for `EXT4` and `net` for `EXT4`."));
}

TEST(Confounds, DifferentVersionsAreNamed) {
  auto records = vllm_trials();
  records[1].reported["version"] = "0.23.0";
  EXPECT_THAT(confounds(records), Contains(AllOf(HasSubstr("version differs"), HasSubstr("0.23.0"),
                                                 HasSubstr("0.24.0"))));
}

TEST(Confounds, AnotherLoadStrategyOnOnePathIsAWarning) {
  auto records = vllm_trials();
  for (const std::size_t of_net : {1U, 3U}) {
    records[of_net].reported["file_system"] = "NFS4";
    records[of_net].reported["prefetch"] = "Prefetching checkpoint files into page cache started";
  }
  EXPECT_THAT(confounds(records),
              Contains(AllOf(HasSubstr("**"), HasSubstr("by different strategies"))));
}

TEST(Confounds, ACompilationOnOnePathOnlyIsAWarning) {
  auto records = vllm_trials();
  records[0].reported.erase("compile_cache");
  EXPECT_THAT(confounds(records), Contains(HasSubstr("in some trials and not in others")));
}

TEST(Confounds, TheMachinesOwnCachesAreSaid) {
  auto records = vllm_trials();
  for (auto& record : records) {
    record.experiment.environment["server"] = server("keep");
  }
  EXPECT_THAT(confounds(records), Contains(HasSubstr("--compile-cache keep")));
}

TEST(Confounds, StartsThatWroteToFilledCachesAreSaid) {
  auto records = vllm_trials();
  for (auto& record : records) record.caches = records::Caches::hit;
  records[1].caches = records::Caches::mixed;
  records[1].caches_written_files = 1;
  records[1].caches_written_bytes = 310'000'000;
  EXPECT_THAT(confounds(records),
              Contains("**1 of 2 cold starts on `net` wrote 1 file (310 MB) to runtime caches that "
                       "earlier starts had filled:** part of its time is compilation, not "
                       "storage."));
  records[0].caches = records::Caches::filled;
  records[0].caches_written_files = 41;
  records[0].caches_written_bytes = 5'000'000;
  EXPECT_THAT(confounds(records), Contains(HasSubstr("1 of 2 cold starts on `nvme` found the "
                                                     "runtime caches empty and wrote 41 files")));
}

TEST(Confounds, HostileTextsAreQuoted) {
  auto records = vllm_trials();
  records[0].reported["version"] = "1`|\n# x";
  for (const std::string& line : confounds(records)) {
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace coldload::report
