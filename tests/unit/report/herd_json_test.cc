#include "report/herd_json.h"

#include <cstdint>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "findings/compare.h"
#include "unit/records/records.h"

namespace coldload::report {
namespace {

// `runs` herds each of `sizes`, of which four nodes take twice as long as one.
text::json::array json_of_herds(int runs, const std::vector<std::size_t>& sizes) {
  const records::ExperimentFacts facts = experiment({arm("net")});
  std::vector<records::Record> records;
  std::uint64_t position = 0;
  for (int run = 0; run < runs; ++run) {
    for (const std::size_t size : sizes) {
      const std::vector<double> load_s(size, (size == 4 ? 4.0 : 2.0) + 0.01 * run * run);
      for (records::Record& record : herd_trial(facts, "net", ++position, load_s)) {
        record.herd->launch_skew_s = 0;
        records.push_back(std::move(record));
      }
    }
  }
  const records::Dataset dataset = records::dataset_of(std::move(records));
  return herds_array(findings::compare(dataset).front());
}

TEST(HerdJson, HasEachSizeAndTheModelWithItsIntervals) {
  const text::json::array herds = json_of_herds(6, {1, 4});
  ASSERT_EQ(herds.size(), 1U);
  const auto& herd = herds.front().as_object();
  EXPECT_EQ(herd.at("arm"), "net");
  EXPECT_EQ(herd.at("servers_per_node"), 1);
  const auto& four = herd.at("sizes").as_array().at(1).as_object();
  EXPECT_EQ(four.at("nodes"), 4);
  EXPECT_EQ(four.at("herds"), 6);
  EXPECT_EQ(four.at("all_ready_min_s"), 4.0);
  EXPECT_EQ(four.at("all_ready_max_s"), 4.25);
  EXPECT_EQ(four.at("values_s").as_array().size(), 6U);
  EXPECT_NE(four.at("residual_s").to_number<double>(), 0);
  EXPECT_NEAR(four.at("residual_s").to_number<double>(),
              four.at("all_ready_median_s").as_double() - four.at("predicted_s").as_double(), 1e-9);
  const auto& model = herd.at("model").as_object();
  EXPECT_NEAR(model.at("knee_nodes").as_double(), 2, 0.05);
  EXPECT_TRUE(model.at("fits").as_bool());
  for (const char* figure : {"node_bytes_per_s", "total_bytes_per_s", "knee_nodes", "base_s"}) {
    const auto& bounds = model.at(std::string(figure) + "_ci").as_array();
    EXPECT_LE(bounds.at(0).to_number<double>(), model.at(figure).to_number<double>()) << figure;
    EXPECT_GE(bounds.at(1).to_number<double>(), model.at(figure).to_number<double>()) << figure;
  }
}

TEST(HerdJson, HasNullForWhatHerdsDoNotTell) {
  const text::json::array of_one_size = json_of_herds(6, {4});
  const auto& herd = of_one_size.front().as_object();
  EXPECT_TRUE(herd.at("model").is_null());
  const auto& four = herd.at("sizes").as_array().at(0).as_object();
  EXPECT_TRUE(four.at("predicted_s").is_null());
  EXPECT_TRUE(four.at("residual_s").is_null());
  const text::json::array of_few = json_of_herds(3, {1, 4});
  EXPECT_TRUE(of_few.front().as_object().at("model").as_object().at("knee_nodes_ci").is_null());
}

TEST(HerdJson, IsEmptyWithoutHerds) {
  const records::ExperimentFacts facts = experiment({arm("net")});
  const records::Dataset dataset = records::dataset_of(numbered({cold_trial(facts, "net", 3)}));
  EXPECT_TRUE(herds_array(findings::compare(dataset).front()).empty());
}

}  // namespace
}  // namespace coldload::report
