#include <fstream>
#include <vector>

#include <gmock/gmock.h>

#include "charts/comparison_charts.h"
#include "findings/compare.h"
#include "golden/golden.h"
#include "records/json_lines.h"
#include "unit/records/records.h"
#include "unit/temporary_directory.h"

namespace coldload::charts {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<records::TimelineSample> samples(double seconds, std::uint64_t bytes) {
  std::vector<records::TimelineSample> rows;
  for (int i = 0; i <= 10; ++i) {
    records::TimelineSample row;
    row.t_s = seconds * i / 10;
    row.storage_bytes = i < 5 ? 0 : bytes * static_cast<std::uint64_t>(i - 5) / 5;
    row.cpu_s = row.t_s * (i < 8 ? 1 : 1.5);
    row.gpu.memory_mib = i < 9 ? 0 : 66140;
    rows.push_back(row);
  }
  return rows;
}

records::Dataset two_paths() {
  const records::ExperimentFacts facts = experiment({arm("nvme"), arm("net")});
  return records::dataset_of({cold_trial(facts, "nvme", 10), cold_trial(facts, "nvme", 12),
                              cold_trial(facts, "nvme", 11), cold_trial(facts, "net", 30)});
}

TEST(TimelineChart, ShowsTheMedianTrialOfEachPath) {
  const records::Dataset dataset = two_paths();
  const findings::Comparison comparison = findings::compare(dataset).front();
  const auto& trials = dataset.trials();
  EXPECT_THAT(timeline_trials(comparison), ElementsAre(&trials[2], &trials[3]));
  const records::Timelines timelines{{&trials[2], samples(11, 7'200'000'000)},
                                     {&trials[3], samples(30, 7'200'000'000)}};
  golden::expect_golden("timelines_two_paths.svg",
                        timeline_chart(comparison, timelines, Place::wide));
}

TEST(TimelineChart, HasNoPanelForWhatWasNotSampled) {
  const records::Dataset dataset = two_paths();
  const findings::Comparison comparison = findings::compare(dataset).front();
  const records::Trial* trial = timeline_trials(comparison).front();
  EXPECT_THAT(timeline_chart(comparison, {}, Place::wide), IsEmpty());
  std::vector<records::TimelineSample> rows = samples(11, 1'000'000'000);
  EXPECT_THAT(timeline_chart(comparison, {{trial, rows}}, Place::wide),
              AllOf(HasSubstr("read from storage"), HasSubstr("CPU"), HasSubstr("GPU")));
  for (records::TimelineSample& row : rows) {
    row.gpu = {};
    row.cpu_s.reset();
  }
  EXPECT_THAT(timeline_chart(comparison, {{trial, rows}}, Place::wide),
              AllOf(HasSubstr("read from storage"), Not(HasSubstr("CPU")), Not(HasSubstr("GPU"))));
  for (records::TimelineSample& row : rows) row.storage_bytes.reset();
  EXPECT_THAT(timeline_chart(comparison, {{trial, rows}}, Place::wide), IsEmpty());
}

TEST(TimelineChart, MemoryThatWasNotSampledForLongHasAGapAndEndsAtReady) {
  const records::ExperimentFacts facts = experiment({arm("net")});
  std::vector<records::Record> records{cold_trial(facts, "net", 30)};
  records.front().gpu_mem_used_mb = 66140;
  const records::Dataset dataset = records::dataset_of(std::move(records));
  const findings::Comparison comparison = findings::compare(dataset).front();
  std::vector<records::TimelineSample> rows = samples(29, 1);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].gpu.memory_mib.reset();
  rows[1].gpu.memory_mib = 1;
  const std::string chart =
      timeline_chart(comparison, {{timeline_trials(comparison).front(), rows}}, Place::wide);
  EXPECT_THAT(chart, AllOf(HasSubstr("GPU memory (a gap: not sampled)"), HasSubstr("h0M"),
                           HasSubstr("h0\"><title>net")));
}

TEST(TimelineChart, ReadsTheTimelinesOfItsTrialsFromTheFile) {
  const TemporaryDirectory folder("coldload-timeline");
  const std::string jsonl = folder.path() + "/records.jsonl";
  std::vector<records::Record> records{cold_trial(experiment({arm("nvme")}), "nvme", 10),
                                       cold_trial(experiment({arm("nvme")}), "nvme", 11)};
  std::ofstream stream(jsonl, std::ios::binary);
  for (records::Record& record : records) {
    record.run_id = static_cast<std::uint64_t>(*record.load_s);
    record.phases = {{"start", 0, *record.load_s * 7 / 10, "log"}};
    record.timeline = records::to_json(samples(*record.load_s, 7));
    stream << records::json_line_of(record);
  }
  stream.close();
  const records::Dataset dataset = records::read_dataset({jsonl});
  const auto& kept = dataset.trials();
  EXPECT_NEAR((*kept[1].phases.begin()).cpu_s.value_or(0), 7.7, 1e-6);
  const records::Timelines timelines = records::read_timelines({jsonl}, {&kept[1]});
  ASSERT_EQ(timelines.size(), 1U);
  EXPECT_NEAR(timelines.at(&kept[1]).back().t_s, 11, 1e-9);
}

}  // namespace
}  // namespace coldload::charts
