// What the report says of herds beside its golden file.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "findings/compare.h"
#include "report/sections.h"
#include "unit/records/records.h"

namespace coldload::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// `runs` herds each of one, two and four nodes, which take 2, 2 and `of_four_s`; the runs of one
// differ by up to a tenth of a second.
std::string section_of_herds(int runs, double of_four_s) {
  const records::ExperimentFacts facts = experiment({arm("net")});
  std::vector<records::Record> records;
  std::uint64_t position = 0;
  for (int run = 0; run < runs; ++run) {
    for (const std::size_t size : {1U, 2U, 4U}) {
      const double late_s = size == 1 ? 0.1 * run / (runs - 1) : 0;
      const std::vector<double> load_s(size, (size == 4 ? of_four_s : 2) + late_s);
      for (records::Record& record : herd_trial(facts, "net", ++position, load_s)) {
        records.push_back(std::move(record));
      }
    }
  }
  const records::Dataset dataset = records::dataset_of(std::move(records));
  return herd_section(findings::compare(dataset).front(), "");
}

TEST(HerdSection, SaysWhatThePredictionsAreMadeOfAndHowSureThatIs) {
  const std::string text = section_of_herds(6, 4);
  EXPECT_THAT(
      text,
      HasSubstr("`net`, derived: 1.05 GB/s (95 % interval 1.03 GB/s to 1.08 GB/s) "
                "for one node alone, 2.16 GB/s (95 % interval 2.16 GB/s to 2.16 GB/s) from the "
                "storage in all and 2.0 nodes (95 % interval 2.0 to 2.1) as fast as "
                "one."));
}

TEST(HerdSection, HasNoIntervalOfTooFewHerds) {
  const std::string text = section_of_herds(5, 4);
  EXPECT_THAT(text, HasSubstr("2.16 GB/s from the storage in all and 2.0 nodes as fast as one"));
  EXPECT_THAT(text, Not(HasSubstr("interval")));
}

// One node and four at once, and four that start one after the other.
TEST(HerdSection, SetsStaggeredHerdsBesideTheOthersAndNotInTheModel) {
  const records::ExperimentFacts facts = experiment({arm("net")});
  std::vector<records::Record> records;
  std::uint64_t position = 0;
  const auto add = [&](const std::vector<double>& load_s, std::optional<double> stagger_s) {
    for (records::Record& record : herd_trial(facts, "net", ++position, load_s, stagger_s)) {
      if (stagger_s) record.storage_mode += "_stagger2s";
      records.push_back(std::move(record));
    }
  };
  for (int run = 0; run < 2; ++run) {
    add({2}, {});
    add({8, 8, 8, 8}, {});
    add({2, 2, 3, 3}, 2.0);
  }
  const records::Dataset dataset = records::dataset_of(std::move(records));
  const findings::Comparison comparison = findings::compare(dataset).front();
  const std::string text = herd_section(comparison, "");
  EXPECT_THAT(text, HasSubstr("| `net` | 4 | 2 | **8.00 s** |"));
  EXPECT_THAT(text, HasSubstr("| `net` | 4, 2 s apart | 2 | **9.00 s** | 9.00-9.00 s | 2.00 s |"));
  EXPECT_THAT(text, HasSubstr("Launches were off by 1.2 ms at most"));
  EXPECT_THAT(text, HasSubstr("4 nodes, 2 s apart: 9.00 s and 9.00 s"));
  EXPECT_THAT(
      answers_about_herds(comparison, nullptr).front(),
      HasSubstr(
          "all of 4 nodes are ready in 8.00 s, all of 4 nodes, 2 s apart, are ready in 9.00 s"));
}

TEST(HerdSection, HoldsTheFirstHerdOfAllAgainstLaterOnes) {
  const auto text_of = [](double first_s, std::uint64_t discarded) {
    const records::ExperimentFacts facts = experiment({arm("net")});
    std::vector<records::Record> records;
    std::uint64_t position = discarded;
    for (const double load_s : {first_s, 2.0, 2.1}) {
      for (records::Record& record : herd_trial(facts, "net", ++position, {load_s})) {
        record.storage_bytes_source = "nfs_mountstats";
        records.push_back(std::move(record));
      }
    }
    const records::Dataset dataset = records::dataset_of(std::move(records));
    return herd_section(findings::compare(dataset).front(), "");
  };
  EXPECT_THAT(text_of(4, 0), HasSubstr("**The first herd of all took 4.00 s, later ones of its "
                                       "size 2.00-2.10 s:** what was read once may have stayed"));
  EXPECT_THAT(text_of(2.2, 0), HasSubstr("later ones of its size 2.00-2.10 s: nothing shows"));
  EXPECT_THAT(text_of(4, 1), Not(HasSubstr("first herd of all"))) << "a discarded launch read it";
}

TEST(HerdSection, SaysHowFarOffThePredictionsAre) {
  const std::string text = section_of_herds(6, 4);
  EXPECT_THAT(text, HasSubstr("2.05 s (+0.0 ms) |")) << "of one node";
  EXPECT_THAT(text, HasSubstr("2.05 s (-49.6 ms) |")) << "of two";
}

// One node and two, with two servers on each.
TEST(HerdSection, SaysHowManyServersANodeHas) {
  const records::ExperimentFacts facts = experiment({arm("net")});
  std::vector<records::Record> records;
  for (const std::vector<double>& load_s : {std::vector<double>{2, 3}, {4, 6, 5, 4}}) {
    for (records::Record& record : shared_herd_trial(facts, "net", records.size() + 1, 2, load_s)) {
      records.push_back(std::move(record));
    }
  }
  const records::Dataset dataset = records::dataset_of(std::move(records));
  const findings::Comparison comparison = findings::compare(dataset).front();
  const std::string text = herd_section(comparison, "");
  EXPECT_THAT(text, HasSubstr("| `net` with 2 servers on each node | 2 | 1 | **6.00 s** |"));
  EXPECT_THAT(text, HasSubstr("The servers of one node share its memory"));
  EXPECT_THAT(
      answers_about_herds(comparison, nullptr).at(0),
      HasSubstr("From `net` with 2 servers on each node one node is ready in 3.00 s, all of "
                "2 nodes are ready in 6.00 s"));
  EXPECT_EQ(herds_in_short(comparison),
            "3.00 s on one node of 2 servers, 6.00 s on 2 nodes of 2 servers at once");
  EXPECT_EQ(count_of_herds(comparison),
            "2 verified cold herds of 1 and 2 nodes (2 servers on each)");
}

}  // namespace
}  // namespace coldload::report
