#include "report/herd_advice.h"

#include <cstdint>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "findings/compare.h"
#include "unit/records/records.h"

namespace coldload::report {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// Three herds each of one, two and four nodes; the storage gives 2.16 GB/s in all, from two on.
std::vector<Advice> advice_of_herds(records::ExperimentFacts facts, double of_one_s) {
  std::vector<records::Record> records;
  std::uint64_t position = 0;
  for (int run = 0; run < 3; ++run) {
    for (const std::size_t size : {1U, 2U, 4U}) {
      const std::vector<double> load_s(size, size == 4 ? 2 * of_one_s : of_one_s);
      for (records::Record& record : herd_trial(facts, "net", ++position, load_s)) {
        records.push_back(std::move(record));
      }
    }
  }
  const records::Dataset dataset = records::dataset_of(std::move(records));
  return advice_for_herds(findings::compare(dataset).front());
}

TEST(HerdAdvice, SaysHowManyNodesFitEachBudgetAndWhatMoreNeed) {
  const std::vector<Advice> advice = advice_of_herds(experiment({arm("net")}), 2.01);
  ASSERT_THAT(advice, SizeIs(1));
  EXPECT_EQ(advice.front().line,
            "**So many nodes may start at once from `net`:** 119 (derived) for dev and notebooks "
            "(120 s), 59 (derived) for internal services (60 s) and 19 (derived) for user-facing "
            "endpoints (20 s). The slowest herd of 4 nodes, the most measured, took 4.02 s.");
  EXPECT_THAT(advice.front().more,
              HasSubstr("Each further node within 20 s needs 108 MB/s more from the storage "
                        "(derived)."));
}

TEST(HerdAdvice, HasTheBudgetsOfTheUser) {
  records::ExperimentFacts facts = experiment({arm("net")});
  facts.budgets_s = {{"user", 2}, {"internal", 3}, {"dev", 5.1}};
  const std::vector<Advice> advice = advice_of_herds(facts, 2.01);
  ASSERT_THAT(advice, SizeIs(1));
  EXPECT_THAT(advice.front().line,
              HasSubstr("5 (derived) for dev and notebooks (5.1 s), 2 for internal services (3 s) "
                        "and none for user-facing endpoints (2 s)."));
}

TEST(HerdAdvice, SaysThatOneSizeAloneTestsNothingOfWhatIsDerived) {
  EXPECT_THAT(advice_of_herds(experiment({arm("net")}), 2.01).front().more,
              HasSubstr("Only herds of 4 nodes waited for the storage: herds of more would test "
                        "what is derived."));
}

TEST(HerdAdvice, IsNoneOfHerdsThatWereNotColdOnEveryNode) {
  const records::ExperimentFacts facts = experiment({arm("net")});
  std::vector<records::Record> records = herd_trial(facts, "net", 1, {2, 2});
  records.back().cold = records::Cold::unknown;
  const records::Dataset dataset = records::dataset_of(std::move(records));
  EXPECT_THAT(advice_for_herds(findings::compare(dataset).front()), SizeIs(0));
}

TEST(HerdAdvice, NamesTheSizeThatWasSeenToBeTooManyWhereNothingIsDerived) {
  records::ExperimentFacts facts = experiment({arm("net")});
  facts.budgets_s = {{"user", 3}};
  std::vector<records::Record> records;
  std::uint64_t position = 0;
  for (const std::size_t size : {4U, 8U}) {
    const std::vector<double> load_s(size, size == 4 ? 2 : 4);
    for (records::Record& record : herd_trial(facts, "net", ++position, load_s)) {
      records.push_back(std::move(record));
    }
  }
  const records::Dataset dataset = records::dataset_of(std::move(records));
  EXPECT_THAT(advice_for_herds(findings::compare(dataset).front()).front().line,
              HasSubstr("4 or more, but fewer than 8, for user-facing endpoints (3 s)"));
}

TEST(HerdAdvice, IsNoneWithoutHerds) {
  const records::ExperimentFacts facts = experiment({arm("net")});
  const records::Dataset dataset = records::dataset_of(numbered({cold_trial(facts, "net", 3)}));
  EXPECT_THAT(advice_for_herds(findings::compare(dataset).front()), SizeIs(0));
}

}  // namespace
}  // namespace coldload::report
