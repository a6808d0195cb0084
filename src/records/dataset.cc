#include "records/dataset.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "os/error.h"
#include "os/fd.h"
#include "records/contradiction.h"
#include "records/json_lines.h"
#include "records/record_reader.h"

namespace coldload::records {

namespace {

struct Pools {
  TextPool texts;
  FactsPool facts{&texts};
};

// A trial's run_id and its experiment's place in the order in which they were read.
struct TrialKey {
  std::uint64_t run_id = 0;
  std::size_t experiment = 0;
  bool operator==(const TrialKey&) const = default;
};
struct TrialKeyHash {
  std::size_t operator()(const TrialKey& key) const {
    constexpr std::size_t k_odd = 0x9E3779B97F4A7C15;
    return (key.experiment * k_odd) ^ key.run_id;
  }
};

// Nothing where the line is no longer where it was read, if it was read from a file.
std::optional<Record> record_again(const std::vector<std::string>& files, const LinePlace& place,
                                   const Experiment& experiment) {
  if (place.bytes == 0) return std::nullopt;
  const os::Fd file = os::open_regular(files.at(place.file));
  std::string line(place.bytes, '\0');
  (void)os::pread_full(file, std::as_writable_bytes(std::span(line)), place.offset);
  try {
    Record record = record_of_line(line);
    const bool is_same = record.experiment.id == experiment.id;
    return is_same ? std::optional(std::move(record)) : std::nullopt;
  } catch (const os::Error&) {
    return std::nullopt;  // another line's middle, say
  }
}

std::optional<Record> record_again(const std::vector<std::string>& files, const Trial& trial) {
  std::optional<Record> record = record_again(files, trial.place, *trial.experiment);
  if (record && record->run_id != trial.run_id) record.reset();
  return record;
}

}  // namespace

// Builds a dataset. An experiment is as old as its first record says.
class DatasetReader {
 public:
  // From memory.
  void add(Record&& record) {
    notes_.push_back(record.note);
    add(reader_.take(std::move(record)), {notes_.size() - 1, 0, 0});
  }

  void add_files(const std::vector<std::string>& paths) {
    made_.files_ = std::make_shared<const std::vector<std::string>>(paths);
    for (std::uint32_t file = 0; file < paths.size(); ++file) add_file(paths, file);
  }

  // Ends the reading.
  [[nodiscard]] Dataset in_order() {
    put_experiments_in_order();
    const auto is_earlier = [](const Trial& a, const Trial& b) {
      return a.experiment->number < b.experiment->number;
    };
    if (!std::is_sorted(made_.trials_.begin(), made_.trials_.end(), is_earlier)) {
      std::stable_sort(made_.trials_.begin(), made_.trials_.end(), is_earlier);
    }
    if (made_.files_ == nullptr) {
      made_.notes_ = std::make_shared<const std::vector<std::string>>(std::move(notes_));
    }
    made_.held_ = std::move(pools_);
    return std::move(made_);
  }

 private:
  void add_file(const std::vector<std::string>& paths, std::uint32_t file) {
    for_each_record_line(paths[file], [&](std::string_view line, std::uint64_t offset) {
      add(reader_.read(line), {offset, static_cast<std::uint32_t>(line.size()), file});
      const Trial& trial = made_.trials_.back();
      if (seen_.insert({trial.run_id, trial.experiment->number}).second) return;
      throw os::Error(
          fmt::format("run_id {} of experiment {} is in {} already: it would count twice; give "
                      "each record once",
                      trial.run_id, trial.experiment->id, paths[first_of(trial).place.file]));
    });
  }

  void put_experiments_in_order() {
    std::vector<const Experiment*> order;
    for (const Experiment& experiment : experiments_) order.push_back(&experiment);
    std::sort(order.begin(), order.end(), [](const Experiment* a, const Experiment* b) {
      return std::tie(a->started_at, a->id) < std::tie(b->started_at, b->id);
    });
    std::vector<std::size_t> number_of(order.size());
    made_.experiments_.reserve(order.size());
    for (const Experiment* experiment : order) {
      number_of[experiment->number] = made_.experiments_.size();
      made_.experiments_.push_back(*experiment);
      made_.experiments_.back().number = number_of[experiment->number];
    }
    for (Trial& trial : made_.trials_) {
      trial.experiment = &made_.experiments_[number_of[trial.experiment->number]];
    }
  }

  void add(RecordReader::Read&& read, LinePlace place) {
    Record& record = read.record;
    distrust_contradiction(&record);
    Trial trial = trial_of(record, &pools_->texts);
    trial.place = place;
    auto known = experiment_of_.find(record.experiment.id);
    if (known == experiment_of_.end()) {
      experiments_.push_back({pools_->texts.share(record.experiment.id), trial.started_at,
                              record.experiment.seed, experiments_.size(), read.facts, place});
      known = experiment_of_.emplace(experiments_.back().id, &experiments_.back()).first;
    }
    trial.experiment = known->second;
    made_.trials_.push_back(trial);
  }

  // The trial that was added first of those that count as the same.
  [[nodiscard]] const Trial& first_of(const Trial& trial) const {
    return *std::find_if(made_.trials_.begin(), made_.trials_.end(), [&](const Trial& other) {
      return other.experiment == trial.experiment && other.run_id == trial.run_id;
    });
  }

  std::shared_ptr<Pools> pools_ = std::make_shared<Pools>();
  RecordReader reader_{&pools_->facts};
  Dataset made_;                        // but for its experiments
  std::vector<std::string> notes_;      // of records from memory, by LinePlace::offset
  std::deque<Experiment> experiments_;  // as they came; numbered so
  std::unordered_map<std::string_view, const Experiment*> experiment_of_;
  std::unordered_set<TrialKey, TrialKeyHash> seen_;
};

std::string Dataset::note_of(const Trial& trial) const {
  if (!trial.has_note) return "";
  if (notes_ != nullptr) return notes_->at(trial.place.offset);
  const std::optional<Record> record = record_again(*files_, trial);
  return record ? record->note : "";
}

std::optional<Floor> Dataset::floor_of(const Experiment& experiment, std::size_t arm) const {
  const ArmFloor* const held = experiment.facts.arms[arm].floor;
  if (held == nullptr) return std::nullopt;
  if (held->whole != nullptr) return *held->whole;
  std::optional<Record> record = record_again(*files_, experiment.place, experiment);
  if (!record || arm >= record->experiment.arms.size()) return std::nullopt;
  return std::move(record->experiment.arms[arm].floor);
}

Dataset Dataset::only(std::string_view experiment) const {
  Dataset one;
  one.held_ = held_;
  one.files_ = files_;
  one.notes_ = notes_;
  const auto found =
      std::find_if(experiments_.begin(), experiments_.end(),
                   [experiment](const Experiment& other) { return other.id == experiment; });
  if (found == experiments_.end()) return one;
  one.experiments_.push_back(*found);
  one.experiments_.front().number = 0;
  for (const Trial& trial : trials_) {
    if (trial.experiment != &*found) continue;
    one.trials_.push_back(trial);
    one.trials_.back().experiment = &one.experiments_.front();
  }
  return one;
}

Dataset dataset_of(std::vector<Record> records) {
  DatasetReader reader;
  for (Record& record : records) reader.add(std::move(record));
  return reader.in_order();
}

Dataset read_dataset(const std::vector<std::string>& jsonl_paths) {
  DatasetReader reader;
  reader.add_files(jsonl_paths);
  return reader.in_order();
}

Timelines read_timelines(const std::vector<std::string>& jsonl_paths,
                         const std::vector<const Trial*>& trials) {
  Timelines timelines;
  for (const Trial* trial : trials) {
    const std::optional<Record> record = record_again(jsonl_paths, *trial);
    if (record) timelines[trial] = samples_of(record->timeline);
  }
  return timelines;
}

}  // namespace coldload::records
