#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "charts/comparison_charts.h"
#include "findings/compare.h"
#include "report/layer_claims.h"
#include "report/sections.h"
#include "report/summary.h"
#include "unit/records/records.h"

namespace coldload::report {
namespace {

using records::Layer;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Medians of the layers of one path, five runs each around them; 0: not measured.
struct Medians {
  double warm = 0;
  double weights = 0;
  double node = 0;
  double first = 0;
  double scatter = 0.1;
  std::string program_mount = "/";
};

records::Dataset measured(const Medians& medians) {
  records::ExperimentFacts facts = experiment({arm("nvme")});
  facts.target = "vllm";
  std::vector<records::Record> records;
  for (int i = -2; i <= 2; ++i) {
    const double by = medians.scatter * i;
    if (medians.warm > 0) records.push_back(warm_trial(facts, "nvme", medians.warm + by));
    if (medians.weights > 0) records.push_back(cold_trial(facts, "nvme", medians.weights + by));
    if (medians.node > 0) {
      records.push_back(
          deeper_trial(facts, "nvme", Layer::node, medians.node + by, medians.program_mount));
    }
    if (medians.first > 0) {
      records.push_back(
          deeper_trial(facts, "nvme", Layer::first, medians.first + by, medians.program_mount));
    }
  }
  return records::dataset_of(numbered(std::move(records)));
}

std::string answer(const Medians& medians) {
  const records::Dataset dataset = measured(medians);
  return answers_about_layers(findings::compare(dataset).front()).at(0);
}

std::string advice(const Medians& medians) {
  const records::Dataset dataset = measured(medians);
  return to_string(advice_for_layers(findings::compare(dataset).front()));
}

TEST(LayersSection, SaysWhatEachLayerAdds) {
  EXPECT_THAT(
      answer({27, 34, 42, 110}),
      HasSubstr("**The first start on a new node from `nvme` takes 110 s:** 27.0 s with "
                "everything in memory, +7.00 s for reading the weights, +8.00 s for reading "
                "the program and +68.0 s for filling the runtime caches. Storage, with weights "
                "and program together, is 15.0 s "
                "of it, the server's own work 95.0 s."));
}

TEST(LayersSection, NamesWhatAStepSpans) {
  EXPECT_THAT(answer({27, 0, 0, 110}),
              HasSubstr("+83.0 s for reading the weights, reading the program and filling the "
                        "runtime caches"));
  EXPECT_THAT(answer({0, 34, 0, 110}), Not(HasSubstr("the server's own work")));
}

TEST(LayersSection, DoesNotClaimWhatChanceMayHaveMade) {
  EXPECT_THAT(
      answer({27, 34, 34.05, 0}),
      HasSubstr("+7.00 s for reading the weights. Reading the program adds nothing that these "
                "runs show."));
}

TEST(LayersSection, OneRunOfALayerIsNoClaim) {
  records::ExperimentFacts facts = experiment({arm("nvme")});
  facts.target = "vllm";
  const records::Dataset dataset =
      records::dataset_of(numbered({warm_trial(facts, "nvme", 7), cold_trial(facts, "nvme", 6.5),
                                    deeper_trial(facts, "nvme", Layer::node, 9.6),
                                    deeper_trial(facts, "nvme", Layer::first, 3)}));
  const findings::Comparison comparison = findings::compare(dataset).front();
  EXPECT_THAT(answers_about_layers(comparison),
              ElementsAre(AllOf(HasSubstr("One run of a layer cannot tell"),
                                Not(HasSubstr("server's own work")))));
  EXPECT_THAT(to_string(advice_for_layers(comparison)), Not(HasSubstr("Read the server's")));
}

// A loader that reads past the page cache has no warm starts.
TEST(LayersSection, WeightsThatAreReadAllTheSameAreNotInMemory) {
  records::ExperimentFacts facts = experiment({arm("nvme")});
  facts.target = "llama-server";
  std::vector<records::Record> records;
  for (const double by : {0.0, 0.1, 0.2}) {
    records.push_back(warm_trial(facts, "nvme", 4.4 + by));
    records.back().storage_bytes_read = records.back().checkpoint_bytes;
    records.back().storage_bytes_source = "stand_in";
    records.push_back(cold_trial(facts, "nvme", 4.4 + by));
    records.push_back(deeper_trial(facts, "nvme", Layer::node, 4.5 + by));
  }
  const records::Dataset dataset = records::dataset_of(numbered(std::move(records)));
  const findings::Comparison comparison = findings::compare(dataset).front();
  EXPECT_THAT(
      layers_section(comparison, ""),
      AllOf(HasSubstr("- `nvme`: the weights were read from storage although they were in memory"),
            Not(HasSubstr("everything in memory"))));
  EXPECT_THAT(to_string(advice_for_layers(comparison)), Not(HasSubstr("Shorten")));
}

TEST(LayersSection, OfSeveralCommandsTheFirstIsToldOnTheFirstScreen) {
  records::ArmFacts first = arm("nvme_auto");
  records::ArmFacts second = arm("nvme_fast");
  first.start = {"auto", "nvme", {"vllm"}, "vllm", {}};
  second.start = {"fast", "nvme", {"vllm", "--fast"}, "vllm", {}};
  const records::ExperimentFacts facts = experiment({first, second});
  const records::Dataset dataset = records::dataset_of(numbered(
      {cold_trial(facts, "nvme_auto", 30), deeper_trial(facts, "nvme_auto", Layer::node, 40),
       cold_trial(facts, "nvme_fast", 20), deeper_trial(facts, "nvme_fast", Layer::node, 30)}));
  const findings::Comparison comparison = findings::compare(dataset).front();
  EXPECT_THAT(answers_about_layers(comparison), ElementsAre(HasSubstr("`nvme_auto`")));
  EXPECT_THAT(layers_section(comparison, ""), HasSubstr("| `nvme_fast` |"));
}

TEST(LayersSection, PartsThatAreMoreThanTheWholeAreNone) {
  EXPECT_THAT(answer({0.3, 1.9, 0, 1.0, 0.01}),
              HasSubstr("takes 1.00 s** by the median. These runs scatter too much to tell its "
                        "layers apart: starts with everything in memory took 0.30 s."));
}

TEST(LayersSection, AServerWithoutCachesHasNoneToFill) {
  records::ExperimentFacts facts = experiment({arm("nvme")});
  facts.target = "llama-server";
  std::vector<records::Record> records{warm_trial(facts, "nvme", 1),
                                       deeper_trial(facts, "nvme", Layer::first, 2)};
  records[1].caches = records::Caches::none;
  const records::Dataset dataset = records::dataset_of(numbered(std::move(records)));
  EXPECT_THAT(layers_section(findings::compare(dataset).front(), ""),
              HasSubstr("- `nvme`: nothing is kept in runtime caches"));
}

TEST(LayersSection, SaysWhichBudgetANewNodeMisses) {
  EXPECT_THAT(answer({27, 34, 42, 110}), HasSubstr("more than the budget for internal services"));
  EXPECT_THAT(answer({7, 8, 9, 10}), Not(HasSubstr("budget")));
  const records::Dataset dataset = measured({27, 34, 42, 110});
  Notes notes;
  EXPECT_THAT(uses_section(findings::compare(dataset).front(), &notes),
              HasSubstr("| internal services | 60 s | ok; **a node's first start 50.0 s over** |"));
}

TEST(LayersSection, AdvisesOnTheLargestLayer) {
  EXPECT_THAT(advice({20, 25, 30, 110}), HasSubstr("**Ship the runtime caches with the image:** "
                                                   "filling them takes 80.0 s of 110 s"));
  EXPECT_THAT(advice({20, 90, 95, 100}), HasSubstr("**Bring the weights closer"));
  EXPECT_THAT(advice({20, 25, 80, 0, 0.1, "/mnt/env"}),
              HasSubstr("**Put the server's packages on a local disk or into the image:** reading "
                        "them takes 55.0 s of 80.0 s on `nvme`. They lie on `/mnt/env`"));
  EXPECT_THAT(advice({20, 25, 80, 0}), HasSubstr("run --start-set"));
  EXPECT_THAT(advice({60, 62, 64, 70}), HasSubstr("**Shorten the server's own start:** 60.0 s of "
                                                  "70.0 s"));
}

TEST(LayersSection, AdvisesNothingThatIsNotShown) {
  EXPECT_THAT(advice({60, 60.05, 60.1, 0, 5}), HasSubstr("No layer of cold adds more than chance"));
  EXPECT_THAT(advice({0, 60, 60.1, 0, 5}), IsEmpty());
}

TEST(LayersSection, AdvisesToMeasureMoreOfALargeLayerThatFewRunsShow) {
  records::ExperimentFacts facts = experiment({arm("nvme")});
  facts.target = "vllm";
  const records::Dataset dataset = records::dataset_of(
      numbered({warm_trial(facts, "nvme", 32.9), cold_trial(facts, "nvme", 33.4),
                deeper_trial(facts, "nvme", Layer::first, 81.4)}));
  EXPECT_EQ(to_string(advice_for_layers(findings::compare(dataset).front())),
            "**Measure more of reading the program and filling the runtime caches:** it took 48.0 "
            "s of 81.4 s on `nvme`, in too few runs to rule out chance. 4 runs of each layer can "
            "show it: `--warm-runs 4 --runs 4 --first-runs 4`. If it holds, ship filled runtime "
            "caches with the image.");
}

TEST(LayersSection, SaysWhereTheProgramCameFrom) {
  const records::Dataset dataset = measured({27, 34, 68, 0, 0.1, "/mnt/env"});
  const std::string section = layers_section(findings::compare(dataset).front(), "");
  EXPECT_THAT(section, HasSubstr("- `nvme`: 2.40 GB of the program (9400 files) came from "
                                 "`/mnt/env` (nfs4, a network mount)."));
  EXPECT_THAT(section, HasSubstr("15.0 MB could not be made cold, because other processes map it"));
  EXPECT_THAT(section, HasSubstr("**the program lies on a network mount,** `/mnt/env`. Reading it "
                                 "adds +34.0 s."));
}

TEST(LayersSection, IsSilentWithoutDeeperLayers) {
  const records::Dataset dataset = measured({27, 34, 0, 0});
  const findings::Comparison comparison = findings::compare(dataset).front();
  EXPECT_THAT(layers_section(comparison, ""), IsEmpty());
  EXPECT_THAT(answers_about_layers(comparison), IsEmpty());
  EXPECT_THAT(to_string(advice_for_layers(comparison)), IsEmpty());
  EXPECT_THAT(charts::layers_chart(comparison, charts::Place::wide), IsEmpty());
}

TEST(LayersSection, IsToldInTheTerminalToo) {
  const records::Dataset dataset = measured({27, 34, 42, 110});
  EXPECT_THAT(terminal_summary(findings::compare(dataset)),
              HasSubstr("The first start on a new node from nvme takes 110 s: 27.0 s with "
                        "everything in memory"));
}

// Warm starts alone are a measurement, too.
TEST(LayersSection, WhereNoColdRunWasMadeTheOthersAreTold) {
  const records::Dataset dataset = measured({27, 0, 0, 0});
  const findings::Comparison comparison = findings::compare(dataset).front();
  Notes notes;
  EXPECT_THAT(answers_of(comparison, &notes),
              ElementsAre("**`nvme_warm` starts in 27.0 s (median of 5 runs).** No cold run was "
                          "made."));
  EXPECT_THAT(terminal_summary({comparison}), HasSubstr("nvme_warm 27.0 s, no cold run"));
}

}  // namespace
}  // namespace coldload::report
