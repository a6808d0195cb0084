#include "findings/layers.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "findings/compare.h"
#include "unit/records/records.h"

namespace coldload::findings {
namespace {

using records::Layer;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

records::ExperimentFacts one_path() {
  auto facts = experiment({arm("nvme")});
  facts.target = "vllm";
  return facts;
}

std::vector<Layer> measured(const LayersOfArm& layers) {
  std::vector<Layer> found;
  for (const MeasuredLayer& layer : layers.layers) found.push_back(layer.layer);
  return found;
}

// In the order of the runs, which is another one than that of the layers.
std::vector<records::Record> all_four() {
  const auto facts = one_path();
  return numbered({deeper_trial(facts, "nvme", Layer::first, 110),
                   deeper_trial(facts, "nvme", Layer::node, 42), cold_trial(facts, "nvme", 34),
                   warm_trial(facts, "nvme", 27)});
}

TEST(Layers, LieAboveEachOtherInOrder) {
  const records::Dataset dataset = records::dataset_of(all_four());
  const Comparison comparison = compare(dataset).at(0);
  const auto all = layers_of(comparison);
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_THAT(measured(all[0]),
              ElementsAre(Layer::warm, Layer::weights, Layer::node, Layer::first));
  ASSERT_THAT(all[0].steps, SizeIs(3));
  EXPECT_DOUBLE_EQ(*all[0].steps[0].contrast.difference_s, 7);
  EXPECT_DOUBLE_EQ(*all[0].steps[1].contrast.difference_s, 8);
  EXPECT_DOUBLE_EQ(*all[0].steps[2].contrast.difference_s, 68);
  EXPECT_EQ(all[0].largest_step()->to, Layer::first);
  EXPECT_DOUBLE_EQ(*all[0].storage()->difference_s, 15);
}

TEST(Layers, AStepSpansWhatWasNotMeasured) {
  const auto facts = one_path();
  const records::Dataset dataset = records::dataset_of(
      numbered({warm_trial(facts, "nvme", 27), deeper_trial(facts, "nvme", Layer::first, 110)}));
  const Comparison comparison = compare(dataset).at(0);
  const auto all = layers_of(comparison);
  ASSERT_THAT(all, SizeIs(1));
  ASSERT_THAT(all[0].steps, SizeIs(1));
  EXPECT_EQ(all[0].steps[0].from, Layer::warm);
  EXPECT_EQ(all[0].steps[0].to, Layer::first);
  EXPECT_FALSE(all[0].storage());
  EXPECT_EQ(all[0].mode_of(Layer::node), nullptr);
}

TEST(Layers, AreNoneWithoutADeeperOneOrWithoutASecond) {
  const auto facts = one_path();
  const records::Dataset shallow =
      records::dataset_of(numbered({warm_trial(facts, "nvme", 27), cold_trial(facts, "nvme", 34)}));
  const records::Dataset alone =
      records::dataset_of(numbered({deeper_trial(facts, "nvme", Layer::node, 42)}));
  EXPECT_THAT(layers_of(compare(shallow).at(0)), IsEmpty());
  EXPECT_THAT(layers_of(compare(alone).at(0)), IsEmpty());
}

// What a first start finds empty was read in those before it.
TEST(Layers, TheStartSetIsThatOfTheWholeNode) {
  const records::Dataset dataset = records::dataset_of(all_four());
  const Comparison comparison = compare(dataset).at(0);
  const auto groups = layers_of(comparison).at(0).groups;
  EXPECT_THAT(groups, ElementsAre(Field(&StartGroup::group, "program"),
                                  Field(&StartGroup::group, "caches")));
  EXPECT_EQ(groups[0].came_bytes, 2'400'000'000.0);
  EXPECT_EQ(groups[0].held_bytes, 15'000'000.0);
}

TEST(Layers, WhereNothingAddsThereIsNoLargestStep) {
  const auto facts = one_path();
  const records::Dataset dataset = records::dataset_of(
      numbered({warm_trial(facts, "nvme", 42), deeper_trial(facts, "nvme", Layer::node, 41)}));
  const Comparison comparison = compare(dataset).at(0);
  EXPECT_EQ(layers_of(comparison).at(0).largest_step(), nullptr);
}

// What is not told of one trial is not taken for 0.
TEST(Layers, UnknownBytesStayUnknown) {
  auto records = all_four();
  for (records::Record& record : records) {
    if (!record.start_set) continue;
    for (auto& group : record.start_set->groups) group.came_bytes.reset();
  }
  const records::Dataset dataset = records::dataset_of(records);
  const Comparison comparison = compare(dataset).at(0);
  EXPECT_FALSE(layers_of(comparison).at(0).groups.at(0).came_bytes);
}

}  // namespace
}  // namespace coldload::findings
