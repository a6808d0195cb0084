#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "findings/compare.h"
#include "findings/ways_to_start.h"
#include "report/sections.h"
#include "report/summary.h"
#include "unit/records/records.h"

namespace coldload::report {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

records::ArmFacts started(const std::string& path, const std::string& command) {
  records::ArmFacts facts = arm(path);
  facts.label = path + '_' + command;
  facts.start = {command, path, {"vllm", "serve", "{model}", "--load-format", command}, "vllm", {}};
  return facts;
}

using Values = std::vector<double>;
// nvme and net with `auto`, then with `fast`.
records::Dataset measured(const Values& nvme, const Values& nvme_fast, const Values& net,
                          const Values& net_fast) {
  records::ExperimentFacts facts = experiment({started("nvme", "auto"), started("nvme", "fast"),
                                               started("net", "auto"), started("net", "fast")});
  facts.target = "vllm";
  std::vector<records::Record> records;
  const auto add = [&](const char* label, const Values& values) {
    for (const double load_s : values) records.push_back(cold_trial(facts, label, load_s));
  };
  add("nvme_auto", nvme);
  add("nvme_fast", nvme_fast);
  add("net_auto", net);
  add("net_fast", net_fast);
  return records::dataset_of(numbered(std::move(records)));
}

const Values k_20{20.0, 20.1, 20.2, 20.3, 20.4};
const Values k_15{15.0, 15.1, 15.2, 15.3, 15.4};
const Values k_30{30.0, 30.1, 30.2, 30.3, 30.4};
const Values k_40{40.0, 40.1, 40.2, 40.3, 40.4};

std::vector<std::string> answers(const findings::Comparison& comparison) {
  Notes notes;
  return answers_about_ways(comparison, &notes);
}

TEST(WaysSection, SaysWhichCommandIsTheFastestFromEachPath) {
  const records::Dataset dataset = measured(k_20, k_15, k_40, k_30);
  const findings::Comparison comparison = findings::compare(dataset).front();
  EXPECT_THAT(answers(comparison),
              ElementsAre(HasSubstr("**From `nvme`, `fast` is ready 5.00 s earlier than `auto`**"),
                          HasSubstr("**From `net`, `fast` is ready 10.0 s earlier than `auto`**")));
  const std::string section = ways_section(comparison);
  EXPECT_THAT(section, HasSubstr("`fast` is the fastest from every path"));
  EXPECT_THAT(section, HasSubstr("The fastest pair was `fast` from `nvme`: 15.2 s. The first, "
                                 "`auto` from `nvme`, took 20.2 s."));
  EXPECT_THAT(section, HasSubstr("- `fast`: `vllm serve {model} --load-format fast`"));
}

TEST(WaysSection, SaysThatTheFastestWayDiffersOnlyWhereThatIsShown) {
  const records::Dataset shown = measured(k_15, k_20, k_40, k_30);
  EXPECT_THAT(ways_section(findings::compare(shown).front()),
              HasSubstr("**The fastest way differs between the paths:** `auto` from `nvme` and "
                        "`fast` from `net`."));
  const records::Dataset by_chance = measured({20.0, 20.2, 20.4, 20.6, 20.8},
                                              {20.1, 20.3, 20.5, 20.7, 20.9}, k_40, {40.05, 40.15});
  EXPECT_THAT(ways_section(findings::compare(by_chance).front()),
              Not(HasSubstr("differs between the paths")));
}

TEST(WaysSection, ClaimsNoMoreThanTheRunsShow) {
  const records::Dataset single = measured({20}, {15}, {40}, {30});
  EXPECT_THAT(answers(findings::compare(single).front()).front(),
              HasSubstr("One run cannot tell a difference from chance"));
  const records::Dataset few = measured({20, 21}, {15, 16}, k_40, k_30);
  EXPECT_THAT(answers(findings::compare(few).front()).front(), HasSubstr("in too few runs"));
  const records::Dataset alike = measured(k_20, {20.05, 20.15, 20.25, 20.0, 20.4}, k_40, k_30);
  EXPECT_THAT(answers(findings::compare(alike).front()).front(),
              HasSubstr("no difference between"));
}

TEST(WaysSection, TellsTheWeightsOfEachStartWhereEveryLogDoes) {
  records::ExperimentFacts facts = experiment({started("nvme", "auto"), started("nvme", "fast")});
  facts.target = "vllm";
  std::vector<records::Record> records;
  const auto add = [&](const char* label, double weights_s) {
    records.push_back(cold_trial(facts, label, 30));
    if (weights_s > 0) records.back().phases = {{"weights", 5, 5 + weights_s, "log"}};
  };
  add("nvme_auto", 6);
  add("nvme_auto", 0);
  add("nvme_fast", 4);
  add("nvme_fast", 3.5);
  const records::Dataset dataset = records::dataset_of(numbered(std::move(records)));
  const std::string section = ways_section(findings::compare(dataset).front());
  EXPECT_THAT(section, HasSubstr("| `auto` | **30.0 s** | 30.0-30.0 s | | the first |"));
  EXPECT_THAT(section, HasSubstr("| `fast` | **30.0 s** | 30.0-30.0 s | 3.75 s (3.50-4.00 s) |"));
}

TEST(WaysSection, SaysWhoseRuntimeCachesTheCommandsHad) {
  const auto caches = [](const char* mode) {
    records::ExperimentFacts facts = experiment({started("nvme", "auto"), started("nvme", "fast")});
    facts.target = "vllm";
    facts.environment["server"] = {{"compile_cache", mode}};
    const records::Dataset dataset = records::dataset_of(
        numbered({cold_trial(facts, "nvme_auto", 20), cold_trial(facts, "nvme_fast", 21)}));
    return ways_section(findings::compare(dataset).front());
  };
  EXPECT_THAT(caches("private"), HasSubstr("each with runtime caches of its own:"));
  EXPECT_THAT(caches("keep"), HasSubstr("The commands, with the machine's runtime caches:"));
}

TEST(WaysSection, IsToldInTheTerminalToo) {
  const records::Dataset dataset = measured(k_20, k_15, k_40, k_30);
  EXPECT_THAT(terminal_summary(findings::compare(dataset)),
              HasSubstr("From nvme, fast is ready 5.00 s earlier than auto (95 % interval"));
}

// The paths are compared by one command: another one is another way to start, no storage.
TEST(WaysSection, LeavesThePathsToTheFirstCommand) {
  const records::Dataset dataset = measured(k_20, k_15, k_40, k_30);
  const findings::Comparison comparison = findings::compare(dataset).front();
  Notes notes;
  EXPECT_THAT(answers_of(comparison, &notes),
              ElementsAre(HasSubstr("40.2 s from `net_auto` and 20.2 s from `nvme_auto`")));
  EXPECT_EQ(comparison.second_there(), 2U);
}

TEST(WaysSection, ComparesStartsOfTheWholeNodeWhereNoColdRunWasMade) {
  records::ExperimentFacts facts = experiment({started("nvme", "local"), started("nvme", "far")});
  facts.target = "vllm";
  std::vector<records::Record> records;
  const auto add = [&](const char* label, double load_s, const char* mount) {
    records.push_back(deeper_trial(facts, label, records::Layer::node, load_s, mount));
  };
  for (const double by : {0.0, 0.1, 0.2, 0.3, 0.4}) {
    add("nvme_local", 33 + by, "/");
    add("nvme_far", 59 + by, "/mnt/packages");
  }
  const records::Dataset dataset = records::dataset_of(numbered(std::move(records)));
  const findings::Comparison comparison = findings::compare(dataset).front();
  EXPECT_THAT(answers(comparison),
              ElementsAre(HasSubstr("**From `nvme` on a node that has just come up, `local` is "
                                    "ready 26.0 s earlier than `far`**")));
  EXPECT_THAT(ways_section(comparison),
              AllOf(HasSubstr("These are starts on a node that has just come up."),
                    HasSubstr("| `nvme` | `far` | **59.2 s** |")));
  EXPECT_THAT(layers_section(comparison, ""),
              AllOf(HasSubstr("## What a start reads"), HasSubstr("`/mnt/packages` ("),
                    Not(HasSubstr("## What each layer of cold costs"))));
}

TEST(WaysSection, SaysWhichVariablesACommandHasOfItsOwn) {
  records::ArmFacts plain = started("nvme", "plain");
  records::ArmFacts far = started("nvme", "far");
  plain.start->server["environment"] = text::json::object{{"A", "1"}, {"P", "/usr"}};
  far.start->server["environment"] = text::json::object{{"A", "1"}, {"P", "/mnt"}};
  records::ExperimentFacts facts = experiment({plain, far});
  facts.target = "vllm";
  const records::Dataset dataset = records::dataset_of(
      numbered({cold_trial(facts, "nvme_plain", 20), cold_trial(facts, "nvme_far", 30)}));
  EXPECT_THAT(ways_section(findings::compare(dataset).front()),
              AllOf(HasSubstr("--load-format plain`; with `P=/usr`"),
                    HasSubstr("--load-format far`; with `P=/mnt`"), Not(HasSubstr("A=1"))));
}

TEST(WaysSection, IsSilentAboutOneCommand) {
  const records::ExperimentFacts facts = experiment({arm("nvme"), arm("net")});
  const records::Dataset dataset =
      records::dataset_of(numbered({cold_trial(facts, "nvme", 1), cold_trial(facts, "net", 2)}));
  const findings::Comparison comparison = findings::compare(dataset).front();
  EXPECT_THAT(ways_section(comparison), IsEmpty());
  EXPECT_THAT(answers(comparison), IsEmpty());
}

TEST(WaysSection, ACommandThatWasNotMeasuredIsLeftOut) {
  const records::Dataset dataset = measured({}, k_15, k_40, k_30);
  const std::string section = ways_section(findings::compare(dataset).front());
  EXPECT_THAT(section, HasSubstr("| `net` | `fast` |"));
  EXPECT_THAT(section, Not(HasSubstr("| `nvme` |")));
}

}  // namespace
}  // namespace coldload::report
