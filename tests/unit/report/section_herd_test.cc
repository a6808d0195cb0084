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

TEST(HerdSection, SaysHowFarOffThePredictionsAre) {
  const std::string text = section_of_herds(6, 4);
  EXPECT_THAT(text, HasSubstr("2.05 s (+0.0 ms) |")) << "of one node";
  EXPECT_THAT(text, HasSubstr("2.05 s (-49.6 ms) |")) << "of two";
}

}  // namespace
}  // namespace coldload::report
