#include <vector>

#include <gmock/gmock.h>

#include "findings/compare.h"
#include "report/sections.h"
#include "unit/records/records.h"

namespace coldload::report {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A server on two paths, and coldload's own loader on `native_path`, all in one file.
records::Dataset with_native(const std::string& native_path) {
  records::ExperimentFacts server = experiment({arm("nvme"), arm("net")});
  server.target = "vllm";
  records::ExperimentFacts native = experiment({arm("disk")});
  native.id = "20250307T090000Z-0000";  // the earlier one
  native.target = "native";
  native.arms[0].path = native_path;
  std::vector<records::Record> records{
      cold_trial(native, "disk", 4.0), cold_trial(native, "disk", 4.2),
      cold_trial(server, "nvme", 50.0), cold_trial(server, "net", 80.0)};
  records[2].phases = {{"weights", 30.0, 35.5, "log"}};
  for (std::size_t i = 0; i < records.size(); ++i) records[i].run_id = i + 1;
  return records::dataset_of(std::move(records));
}

TEST(NativeSection, SetsTheLoaderBesideTheServersWeightsOnTheSamePath) {
  const records::Dataset dataset = with_native(arm("nvme").path);
  const std::string text = native_section(findings::compare(dataset).front());
  EXPECT_THAT(text, HasSubstr("| `nvme` | 4.10 s (2 runs) | 5.50 s | 50.0 s |"));
  EXPECT_THAT(text, Not(HasSubstr("`net`")));
}

TEST(NativeSection, IsSilentAboutAnotherPathAndAboutItself) {
  const records::Dataset dataset = with_native("/elsewhere");
  const std::vector<Comparison> comparisons = findings::compare(dataset);
  ASSERT_EQ(comparisons.size(), 2U);
  EXPECT_THAT(native_section(comparisons[0]), IsEmpty());
  EXPECT_THAT(native_section(comparisons[1]), IsEmpty());
}

}  // namespace
}  // namespace coldload::report
