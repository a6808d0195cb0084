#include <vector>

#include <gmock/gmock.h>

#include "report/sections.h"
#include "unit/report/records.h"

namespace coldload::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

measure::ExperimentFacts on_gpu(const char* id, const char* gpu, const char* version) {
  measure::ExperimentFacts facts = experiment({arm("nvme"), arm("net")});
  facts.id = id;
  facts.target = "vllm";
  facts.command = {"coldload", "compare", "--", "vllm", "serve", "{model}"};
  facts.environment["gpus"] = text::json::array{text::json::object{{"name", gpu}}};
  facts.environment["server"] = text::json::object{{"installed_version", version}};
  return facts;
}

void add_runs(const measure::ExperimentFacts& facts, const char* label,
              const std::vector<double>& seconds, std::vector<measure::Record>* records) {
  for (const double load_s : seconds) {
    records->push_back(cold_trial(facts, label, load_s));
    records->back().run_id = records->size();
  }
}

std::string section_of(std::vector<measure::Record> records) {
  const Dataset dataset = dataset_of(std::move(records));
  return others_section(compare(dataset));
}

TEST(OthersSection, SetsTheSamePathsBeforeAndAfterAgainstEachOther) {
  std::vector<measure::Record> records;
  add_runs(on_gpu("before", "H100", "0.23"), "net", {80, 81, 82, 83, 84}, &records);
  const measure::ExperimentFacts now = on_gpu("now", "H200", "0.24");
  add_runs(now, "net", {40, 40.5, 41, 41.5, 42}, &records);
  add_runs(now, "nvme", {30}, &records);
  const std::string text = section_of(std::move(records));
  EXPECT_THAT(text,
              HasSubstr("| `net` | 82.0 s (5 runs) | 41.0 s (5 runs) | 0.50 (0.48 to 0.52) | "
                        "p = 0.008 | GPU (H100, now H200) and server version (0.23, now 0.24) "
                        "| `before` |"));
  EXPECT_THAT(text, Not(HasSubstr("| `nvme` | 30")));
}

TEST(OthersSection, AnotherTargetIsListedAndNotSetAgainstThis) {
  std::vector<measure::Record> records;
  measure::ExperimentFacts native = on_gpu("native", "H100", "0.24");
  native.target = "native";
  add_runs(native, "net", {20}, &records);
  add_runs(on_gpu("now", "H100", "0.24"), "net", {40}, &records);
  const std::string text = section_of(std::move(records));
  EXPECT_THAT(text, Not(HasSubstr("Before and after")));
  EXPECT_THAT(text, HasSubstr("## Other experiments in these records"));
}

}  // namespace
}  // namespace coldload::report
