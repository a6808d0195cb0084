#include "records/dataset.h"

#include <array>
#include <fstream>
#include <functional>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include "records/json_lines.h"
#include "unit/records/records.h"
#include "unit/temporary_directory.h"

namespace coldload::records {
namespace {

constexpr int k_count = 5'000;

class DatasetMemory : public testing::Test {
 protected:
  void SetUp() override {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "mallinfo2 knows nothing of the sanitizer's own malloc";
#endif
  }

  // What a dataset of k_count records takes, per record. `change` gets the record's number.
  double bytes_per_record(const std::function<void(int, Record*)>& change) const {
    const std::string path = folder_.path() + "/records.jsonl";
    {
      std::ofstream file(path, std::ios::binary);
      for (int number = 0; number < k_count; ++number) {
        Record record = cold_trial(experiment({arm("nvme"), arm("net")}), "nvme", 10 + number);
        record.run_id = static_cast<std::uint64_t>(number) + 1;
        record.phases = {{"start", 0, 1, "log"}, {"weights", 1, 9, "log"}, {"http", 9, 10, "log"}};
        record.reported = {{"version", "0.24.0"}, {"read_s", 8.5}, {"queue_depth", 8}};
        change(number, &record);
        file << json_line_of(record);
      }
    }
    const std::size_t before = held();
    const Dataset dataset = read_dataset({path});
    EXPECT_EQ(dataset.trials().size(), std::size_t{k_count});
    return static_cast<double>(held() - before) / k_count;
  }

 private:
  static std::size_t held() {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  }
  TemporaryDirectory folder_{"coldload-dataset"};
};

// 100,000 records are to be reported on within 250 MB. Up to a third of what a pool has asked for
// is not used yet, and takes no memory.
constexpr double k_most_bytes = 1'500;

TEST_F(DatasetMemory, OfOneExperimentIsThatOfItsTrials) {
  EXPECT_LT(bytes_per_record([](int, Record*) {}), 1'000);
}

TEST_F(DatasetMemory, DoesNotGrowWithWhatIsSaidAgain) {
  const std::string note(5'000, 'x');
  EXPECT_LT(bytes_per_record([&note](int number, Record* record) {
              record->experiment.id = fmt::format("20250307T101112Z-{:05}", number);
              record->experiment.seed = static_cast<std::uint64_t>(number);
              record->experiment.arms.resize(6, arm("another"));
              for (ArmFacts& one : record->experiment.arms) one.floor = floor_at(2e9);
              record->experiment.command.resize(50, "word");
              record->note = note;
            }),
            k_most_bytes);
}

TEST_F(DatasetMemory, OfExperimentsThatLieElsewhereIsThatOfTheirPaths) {
  EXPECT_LT(bytes_per_record([](int number, Record* record) {
              record->experiment.id = fmt::format("20250307T101112Z-{:05}", number);
              for (ArmFacts& one : record->experiment.arms) one.path = fmt::format("/m/{}", number);
            }),
            k_most_bytes);
}

TEST_F(DatasetMemory, OfFloorsIsThatOfTheirRates) {
  EXPECT_LT(bytes_per_record([](int number, Record* record) {
              record->experiment.id = fmt::format("20250307T101112Z-{:05}", number);
              record->experiment.arms.resize(2, arm("another"));
              for (ArmFacts& one : record->experiment.arms) one.floor = floor_at(1e9 + number);
            }),
            k_most_bytes);
}

TEST_F(DatasetMemory, DoesNotGrowWithNotes) {
  EXPECT_LT(bytes_per_record([](int number, Record* record) {
              record->note = fmt::format("{}", number) + std::string(5'000, 'x');
            }),
            1'000);
}

TEST_F(DatasetMemory, OfManyPhasesIsThatOfTheirTimes) {
  EXPECT_LT(bytes_per_record([](int number, Record* record) {
              for (int phase = 0; phase < 40; ++phase) {
                record->phases.push_back(
                    {fmt::format("phase {}", phase), 1.0 * number, 2.0 * number, "log"});
              }
            }),
            3'000);
}

TEST(Dataset, KnowsTheNotesOfRecordsFromMemoryAndFromFiles) {
  const TemporaryDirectory folder("coldload-dataset");
  const std::string path = folder.path() + "/records.jsonl";
  Record later = cold_trial(experiment({arm("nvme")}), "nvme", 10);
  later.experiment.id = "later";
  later.started_at = "2026-01-01T00:00:00Z";
  later.note = "the later one's";
  Record silent = cold_trial(experiment({arm("nvme")}), "nvme", 10);
  silent.run_id = 1;
  Record earlier = silent;
  earlier.run_id = 2;
  earlier.note = "the earlier one's";
  const std::vector<Record> records{later, silent, earlier};
  std::ofstream file(path, std::ios::binary);
  for (const Record& record : records) file << json_line_of(record);
  file.close();
  const std::array<Dataset, 2> datasets{dataset_of(records), read_dataset({path})};
  for (const Dataset& dataset : datasets) {
    ASSERT_EQ(dataset.trials().size(), 3U);
    EXPECT_EQ(dataset.note_of(dataset.trials()[0]), "");
    EXPECT_EQ(dataset.note_of(dataset.trials()[1]), "the earlier one's");
    EXPECT_EQ(dataset.note_of(dataset.trials()[2]), "the later one's");
    const Dataset only = dataset.only("later");
    EXPECT_EQ(only.note_of(only.trials().front()), "the later one's");
  }
}

TEST(Dataset, KnowsTheFloorsOfRecordsFromMemoryAndFromFiles) {
  const TemporaryDirectory folder("coldload-dataset");
  const std::string path = folder.path() + "/records.jsonl";
  Record first = cold_trial(experiment({arm("nvme"), arm("net"), arm("tape")}), "nvme", 10);
  first.experiment.arms[0].floor = floor_at(2e9);
  first.experiment.arms[1].floor = floor_at(3e9);
  Record second = first;
  second.experiment.id = "later";
  second.started_at = "2026-01-01T00:00:00Z";
  second.experiment.arms[1].floor = floor_at(4e9);
  const std::vector<Record> records{second, first};
  std::ofstream(path, std::ios::binary) << json_line_of(second) << json_line_of(first);
  const std::array<Dataset, 2> datasets{dataset_of(records), read_dataset({path})};
  for (const Dataset& dataset : datasets) {
    ASSERT_EQ(dataset.experiments().size(), 2U);
    for (const Record& record : {first, second}) {
      const Dataset only = dataset.only(record.experiment.id);
      for (std::size_t at = 0; at < 3; ++at) {
        const auto floor = only.floor_of(only.experiments().front(), at);
        const auto& whole = record.experiment.arms[at].floor;
        ASSERT_EQ(floor.has_value(), whole.has_value());
        if (!floor) continue;
        EXPECT_EQ(text::to_line(to_json(*floor)), text::to_line(to_json(*whole)));
      }
    }
  }
  std::ofstream(path, std::ios::binary) << json_line_of(first);
  const Dataset& moved = datasets[1];
  EXPECT_FALSE(moved.floor_of(moved.experiments().back(), 0).has_value());
}

TEST(Dataset, ReadsNoTimelineOfALineThatIsNoLongerItsTrial) {
  const TemporaryDirectory folder("coldload-dataset");
  const std::string path = folder.path() + "/records.jsonl";
  Record record = cold_trial(experiment({arm("nvme")}), "nvme", 10);
  record.run_id = 1;
  const std::string first = json_line_of(record);
  record.run_id = 2;
  const std::string second = json_line_of(record);
  std::ofstream(path, std::ios::binary) << first << second;
  const Dataset dataset = read_dataset({path});
  const std::vector<const Trial*> trials{&dataset.trials()[0], &dataset.trials()[1]};
  EXPECT_EQ(read_timelines({path}, trials).size(), 2U);
  std::ofstream(path, std::ios::binary) << second;
  EXPECT_TRUE(read_timelines({path}, trials).empty());
}

}  // namespace
}  // namespace coldload::records
