#include <vector>

#include <gmock/gmock.h>

#include "findings/compare.h"
#include "report/sections.h"
#include "unit/records/records.h"

namespace coldload::report {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

records::Dataset prefetched(const std::vector<double>& without, const std::vector<double>& with,
                            const std::vector<double>& warm = {}) {
  records::ArmFacts twin = arm("net_prefetch");
  twin.prefetch_of = "net";
  const records::ExperimentFacts facts = experiment({arm("nvme"), arm("net"), twin});
  std::vector<records::Record> records{cold_trial(facts, "nvme", 1)};
  for (const double load_s : without) records.push_back(cold_trial(facts, "net", load_s));
  for (const double load_s : with) records.push_back(cold_trial(facts, "net_prefetch", load_s));
  for (const double load_s : warm) {
    records.push_back(cold_trial(facts, "net", load_s));
    records.back().storage_mode = "net_warm";
    records.back().cold = records::Cold::warm;
  }
  for (std::size_t i = 0; i < records.size(); ++i) records[i].run_id = i + 1;
  return records::dataset_of(std::move(records));
}

std::string section_of(const records::Dataset& dataset) {
  return prefetch_section(findings::compare(dataset).front());
}

const std::vector<double> k_slow{20.0, 20.1, 20.2, 20.3, 20.4};
const std::vector<double> k_fast{15.0, 15.1, 15.2, 15.3, 15.4};

TEST(PrefetchSection, SaysWhatIsSavedAndWhichShareOfStoragesCost) {
  const std::string text = section_of(prefetched(k_slow, k_fast, {10.2, 10.2}));
  EXPECT_THAT(text, HasSubstr("while the server starts saves 5.00 s (95 % interval"));
  EXPECT_THAT(text, HasSubstr("ready after 15.2 s instead of 20.2 s** (medians of 5 runs each"));
  EXPECT_THAT(text,
              HasSubstr("Storage costs 10.0 s of a start without it (cold less warm). 50 % of "
                        "that is saved."));
}

TEST(PrefetchSection, SaysWhatTheWeightsPhaseTook) {
  const records::ExperimentFacts facts = [] {
    records::ArmFacts twin = arm("net_prefetch");
    twin.prefetch_of = "net";
    records::ExperimentFacts all = experiment({arm("net"), twin});
    all.target = "vllm";
    return all;
  }();
  std::vector<records::Record> records;
  const auto add = [&records](records::Record record, double weights_s) {
    record.phases = {{"weights", 1, 1 + weights_s, "log"}};
    record.run_id = records.size() + 1;
    records.push_back(std::move(record));
  };
  for (int i = 0; i < 5; ++i) {
    add(cold_trial(facts, "net", 80 + 0.1 * i), 30);
    add(cold_trial(facts, "net_prefetch", 60 + 0.1 * i), 2);
  }
  add(warm_trial(facts, "net", 55), 1);
  EXPECT_THAT(
      section_of(records::dataset_of(std::move(records))),
      HasSubstr("Storage costs 29.0 s of a start without it (the weights phase, cold less warm). "
                "With it, that phase took 2.00 s instead of 30.0 s. All else took 8.00 s longer in "
                "these runs."));
}

TEST(PrefetchSection, SaysWhatIsLost) {
  const std::string text = section_of(prefetched(k_fast, k_slow, {10.2, 10.2}));
  EXPECT_THAT(text, HasSubstr("while the server starts costs 5.00 s (95 % interval"));
  EXPECT_THAT(text, Not(HasSubstr("is saved")));
}

TEST(PrefetchSection, ClaimsNoMoreThanTheRunsShow) {
  EXPECT_THAT(section_of(prefetched(k_slow, {20.1, 20.2, 20.0, 20.5, 20.3})),
              HasSubstr("**No saving by reading the weights of `net`"));
  EXPECT_THAT(section_of(prefetched({20, 21}, {15, 16})),
              HasSubstr("Every run with it was faster than every run without. They are too few"));
  EXPECT_THAT(section_of(prefetched({20}, {15})), HasSubstr("One run cannot tell a saving"));
  EXPECT_THAT(section_of(prefetched({20}, {15}, {10})), Not(HasSubstr("hides")));
}

TEST(PrefetchSection, ClaimsNothingOfReadingAheadWhereThereWasNone) {
  records::ArmFacts twin = arm("net_prefetch");
  twin.prefetch_of = "net";
  const records::ExperimentFacts facts = experiment({arm("net"), twin});
  std::vector<records::Record> records{cold_trial(facts, "net", 20),
                                       cold_trial(facts, "net_prefetch", 10)};
  records[1].reported[records::k_not_read_ahead_key] = "memory has no room for it";
  const std::string text = section_of(records::dataset_of(std::move(records)));
  EXPECT_THAT(text, HasSubstr("In 1 of 1 starts by `coldload run` nothing of `net` was read"));
  EXPECT_THAT(text, HasSubstr("memory has no room for it."));
  EXPECT_THAT(text, Not(HasSubstr("saving")));
}

TEST(PrefetchSection, IsSilentWithoutOne) {
  EXPECT_THAT(section_of(prefetched(k_slow, {})), IsEmpty());
}

// It is another way to start, not another storage: the section is where it is judged.
TEST(PrefetchSection, IsNoPathInTheAnswers) {
  const records::Dataset dataset = prefetched(k_slow, k_fast);
  Notes notes;
  EXPECT_THAT(answers_of(findings::compare(dataset).front(), &notes),
              Each(Not(HasSubstr("from `net_prefetch`"))));
}

}  // namespace
}  // namespace coldload::report
