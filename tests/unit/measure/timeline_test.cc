#include "measure/timeline.h"

#include <gtest/gtest.h>

namespace coldload::measure {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const os::TimePoint k_launch{seconds(1000)};

process::TreeSample tree(std::uint64_t bytes, std::uint64_t calls, double cpu_s,
                         std::uint64_t resident) {
  process::TreeSample sample;
  sample.reads.bytes = bytes;
  sample.read_calls = calls;
  sample.usage.cpu_s = cpu_s;
  sample.usage.resident_bytes = resident;
  return sample;
}

// Rows as a sampler that looks every 50 ms makes them.
void sample_until(Timeline* timeline, os::TimePoint end) {
  const process::TreeSample look = tree(1, 1, 0, 1);
  for (os::TimePoint now = k_launch + milliseconds(3); now < end; now += milliseconds(50)) {
    if (timeline->due(now)) timeline->add(now, &look);
  }
}

TEST(Timeline, HasARowEvery100MsFromTheLaunchOn) {
  Timeline timeline(k_launch, {});
  sample_until(&timeline, k_launch + seconds(2));
  ASSERT_EQ(timeline.samples().size(), 20U);
  for (std::size_t i = 0; i < timeline.samples().size(); ++i) {
    EXPECT_NEAR(timeline.samples()[i].t_s, 0.1 * static_cast<double>(i) + 0.003, 1e-9);
  }
}

TEST(Timeline, ALateRowDoesNotDelayTheNextOnes) {
  Timeline timeline(k_launch, {});
  timeline.add(k_launch + milliseconds(290), nullptr);
  EXPECT_FALSE(timeline.due(k_launch + milliseconds(299)));
  EXPECT_TRUE(timeline.due(k_launch + milliseconds(300)));
}

TEST(Timeline, WhatCanOnlyGrowNeverFalls) {
  Timeline timeline(k_launch, {});
  for (const process::TreeSample& look :
       {tree(100, 10, 1.5, 4096), tree(70, 8, 1.25, 1024), tree(130, 11, 1.75, 2048)}) {
    timeline.add(k_launch, &look);
  }
  const auto& rows = timeline.samples();
  EXPECT_EQ(rows[1].storage_bytes, 100U);
  EXPECT_EQ(rows[1].read_calls, 10U);
  EXPECT_EQ(rows[1].cpu_s, 1.5);
  EXPECT_EQ(rows[1].resident_bytes, 1024U);  // memory is given back
  EXPECT_EQ(rows[2].storage_bytes, 130U);
  EXPECT_EQ(rows[2].cpu_s, 1.75);
}

TEST(Timeline, ThePathsOwnCounterComesBeforeTheTrees) {
  std::optional<std::uint64_t> counter = 5;
  TimelineSources sources;
  sources.storage_bytes = [&counter] { return counter; };
  Timeline timeline(k_launch, sources);
  const process::TreeSample look = tree(100, 10, 1, 1);
  timeline.add(k_launch, &look);
  counter.reset();  // it stopped answering: unknown, and not what another one says
  timeline.add(k_launch + milliseconds(100), &look);
  EXPECT_EQ(timeline.samples()[0].storage_bytes, 5U);
  EXPECT_FALSE(timeline.samples()[1].storage_bytes);
}

TEST(Timeline, TheLastRowHasEverythingWhateverItCosts) {
  TimelineSources sources;
  int looks = 0;
  sources.storage_bytes = [&looks]() -> std::optional<std::uint64_t> {
    const auto begin = os::thread_cpu_time();
    while (os::thread_cpu_time() - begin < milliseconds(5)) {
    }
    return 10 * static_cast<std::uint64_t>(++looks);
  };
  Timeline timeline(k_launch, sources);
  timeline.add(k_launch, nullptr);
  timeline.add(k_launch + milliseconds(100), nullptr);
  timeline.add(k_launch + milliseconds(200), nullptr, Timeline::Row::last);
  const auto& rows = timeline.samples();
  EXPECT_EQ(rows[0].storage_bytes, 10U);
  EXPECT_FALSE(rows[1].storage_bytes);
  EXPECT_EQ(rows[2].storage_bytes, 20U);
}

TEST(Timeline, PastTheLimitEverySecondRowGoesAndThePeriodDoubles) {
  Timeline timeline(k_launch, {});
  sample_until(&timeline, k_launch + seconds(1000));
  const auto& rows = timeline.samples();
  EXPECT_LE(rows.size(), Timeline::k_most_samples);
  EXPECT_GT(rows.size(), Timeline::k_most_samples / 2);
  EXPECT_NEAR(rows.front().t_s, 0.003, 1e-9);
  EXPECT_GT(rows.back().t_s, 999.0);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    ASSERT_NEAR(rows[i].t_s - rows[i - 1].t_s, 0.4, 0.21) << i;  // 1000 s in 100 ms: thinned twice
  }
}

TEST(Timeline, UnknownIsNullAndNeverZero) {
  Timeline timeline(k_launch, {});
  timeline.add(k_launch + milliseconds(1), nullptr);
  const text::json::array rows = records::to_json(timeline.samples());
  ASSERT_EQ(rows.size(), 1U);
  const text::json::object& row = rows[0].as_object();
  EXPECT_EQ(row.at("t_s"), 0.001);
  for (const char* key :
       {"storage_bytes", "read_calls", "cpu_s", "resident_bytes", "page_cache_bytes", "gpu_mem_mib",
        "gpu_util_percent", "pcie_rx_bytes_per_s"}) {
    EXPECT_TRUE(row.at(key).is_null()) << key;
  }
  EXPECT_EQ(row.size(), 9U);
}

TEST(Timeline, AsksTheGpusForTheTreesProcesses) {
  std::vector<pid_t> asked;
  TimelineSources sources;
  sources.gpu = [&asked](const std::vector<pid_t>& pids) {
    asked = pids;
    return records::GpuReading{512.5, 30, std::nullopt};
  };
  sources.page_cache_bytes = [] { return std::optional<std::uint64_t>(7); };
  Timeline timeline(k_launch, sources);
  process::TreeSample look = tree(1, 1, 1, 1);
  look.pids = {11, 12};
  timeline.add(k_launch, &look);
  EXPECT_EQ(asked, look.pids);
  const text::json::array rows = records::to_json(timeline.samples());
  const text::json::object& row = rows[0].as_object();
  EXPECT_EQ(row.at("gpu_mem_mib"), 512.5);
  EXPECT_EQ(row.at("gpu_util_percent"), 30.0);
  EXPECT_TRUE(row.at("pcie_rx_bytes_per_s").is_null());
  EXPECT_EQ(row.at("page_cache_bytes"), 7);
}

TEST(Timeline, IsReadAsItWasWritten) {
  records::TimelineSample sample;
  sample.t_s = 1.5;
  sample.storage_bytes = 7;
  sample.read_calls = 8;
  sample.cpu_s = 2.25;
  sample.resident_bytes = 9;
  sample.page_cache_bytes = 10;
  sample.gpu = {512.5, 30, 1e9};
  const text::json::array written = records::to_json({records::TimelineSample(), sample});
  EXPECT_EQ(records::to_json(records::samples_of(written)), written);
}

TEST(Timeline, RowsThatCannotBeAreLeftOut) {
  std::string error;
  const auto rows = text::parse_json(
      R"([7, null, {}, {"t_s": "1"}, {"t_s": -1}, {"t_s": 2, "cpu_s": [], "storage_bytes": -4},)"
      R"( {"t_s": 1}, {"t_s": 1e400}, {"t_s": 1e30}])",
      &error);
  const std::vector<records::TimelineSample> samples = records::samples_of(rows->as_array());
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples.front().t_s, 2);
  EXPECT_FALSE(samples.front().cpu_s);
  EXPECT_FALSE(samples.front().storage_bytes);
}

TEST(Timeline, CpuOfASpanIsTakenFromTheRowsAroundItsEnds) {
  std::vector<records::TimelineSample> samples;
  for (int i = 0; i <= 20; ++i) {
    records::TimelineSample sample;
    sample.t_s = i;
    if (i != 15) sample.cpu_s = i < 10 ? 0 : 3.0 * (i - 10);
    samples.push_back(sample);
  }
  EXPECT_NEAR(*records::cpu_between(samples, 0, 10), 0, 1e-9);
  EXPECT_NEAR(*records::cpu_between(samples, 0.5, 12.5), 7.5, 1e-9);
  EXPECT_NEAR(*records::cpu_between(samples, 0, 20), 30, 1e-9);
  EXPECT_FALSE(records::cpu_between(samples, 12, 15.2));  // the rows around its end are 2 s apart
  EXPECT_FALSE(records::cpu_between(samples, 2, 30));     // it ends after the last row
  EXPECT_FALSE(records::cpu_between(samples, 4, 4));
  EXPECT_FALSE(records::cpu_between({}, 0, 1));
}

}  // namespace
}  // namespace coldload::measure
