#include <vector>

#include <gmock/gmock.h>

#include "findings/compare.h"
#include "report/sections.h"
#include "unit/records/records.h"

namespace coldload::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

records::ExperimentFacts on_gpu(const char* id, const char* gpu, const char* version) {
  records::ExperimentFacts facts = experiment({arm("nvme"), arm("net")});
  facts.id = id;
  facts.target = "vllm";
  facts.command = {"coldload", "compare", "--", "vllm", "serve", "{model}"};
  facts.environment["gpus"] = text::json::array{text::json::object{{"name", gpu}}};
  facts.environment["server"] = text::json::object{{"installed_version", version}};
  return facts;
}

void add_runs(const records::ExperimentFacts& facts, const char* label,
              const std::vector<double>& seconds, std::vector<records::Record>* records) {
  for (const double load_s : seconds) {
    records->push_back(cold_trial(facts, label, load_s));
    records->back().run_id = records->size();
  }
}

std::string section_of(std::vector<records::Record> records) {
  const records::Dataset dataset = records::dataset_of(std::move(records));
  const auto comparisons = findings::compare(dataset);
  return before_and_after_section(comparisons) + others_section(comparisons);
}

TEST(OthersSection, SetsTheSamePathsBeforeAndAfterAgainstEachOther) {
  std::vector<records::Record> records;
  add_runs(on_gpu("before", "H100", "0.23"), "net", {80, 81, 82, 83, 84}, &records);
  const records::ExperimentFacts now = on_gpu("now", "H200", "0.24");
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
  std::vector<records::Record> records;
  records::ExperimentFacts native = on_gpu("native", "H100", "0.24");
  native.target = "native";
  add_runs(native, "net", {20}, &records);
  add_runs(on_gpu("now", "H100", "0.24"), "net", {40}, &records);
  const std::string text = section_of(std::move(records));
  EXPECT_THAT(text, Not(HasSubstr("Before and after")));
  EXPECT_THAT(text, HasSubstr("## Other experiments in these records"));
}

TEST(OthersSection, SaysHowAnExperimentWithAnotherCommandDiffers) {
  std::vector<records::Record> records;
  records::ExperimentFacts compiled = on_gpu("compiled", "H100", "0.24");
  compiled.arms = {arm("nvme_compiled")};
  compiled.arms.front().path = arm("nvme").path;
  add_runs(compiled, "nvme_compiled", {100}, &records);
  records.back().phases = {{"start", 0, 52, "log"},
                           {"weights", 52, 57, "log"},
                           {"compile", 57, 82, "log"},
                           {"http", 99.9, 100, "log"}};
  records::ExperimentFacts eager = on_gpu("eager", "H100", "0.24");
  eager.command.emplace_back("--enforce-eager");
  add_runs(eager, "nvme", {60}, &records);
  const std::string text = section_of(std::move(records));
  EXPECT_THAT(text, Not(HasSubstr("Before and after")));
  EXPECT_THAT(text, HasSubstr("| 100 s | start 52.0 s, weights 5.00 s, compile 25.0 s | the "
                              "server's command (now with `--enforce-eager`) | `compiled` |"));
}

TEST(ServerNote, SaysWhatStartsTookThatCompiled) {
  std::vector<records::Record> records;
  records::ExperimentFacts compiled = on_gpu("compiled", "H100", "0.24");
  add_runs(compiled, "nvme", {100, 102, 104}, &records);
  EXPECT_THAT(server_notes(findings::compare(records::dataset_of(records))), IsEmpty());
  records::ExperimentFacts eager = on_gpu("eager", "H100", "0.24");
  eager.command.emplace_back("--enforce-eager");
  add_runs(eager, "nvme", {60}, &records);
  const records::Dataset dataset = records::dataset_of(std::move(records));
  EXPECT_THAT(
      server_notes(findings::compare(dataset)),
      ElementsAre(HasSubstr(
          " Without it, in other experiments of these records, `nvme` took 102 s (3 runs).")));
}

}  // namespace
}  // namespace coldload::report
