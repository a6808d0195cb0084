#include "records/dataset.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <tuple>
#include <utility>

#include "records/json_lines.h"

namespace coldload::records {

namespace {

void add_cpu_of_phases(Record* record) {
  if (record->timeline.empty()) return;
  const std::vector<TimelineSample> samples = samples_of(record->timeline);
  for (Phase& phase : record->phases) {
    phase.cpu_s = cpu_between(samples, phase.start_s, phase.end_s);
  }
}

}  // namespace

// Builds a dataset. An experiment is as old as its first record says.
class DatasetReader {
 public:
  void add(Record&& record) {
    const std::string id = record.experiment.id;
    if (made_.index_of_.emplace(id, made_.experiments_.size()).second) {
      started_at_.push_back(record.started_at);
      made_.experiments_.push_back(std::move(record.experiment));
    }
    record.experiment = {};
    record.experiment.id = id;
    add_cpu_of_phases(&record);
    record.timeline = {};
    made_.records_.push_back(std::move(record));
  }

  Dataset in_order() {
    std::vector<std::size_t> order(started_at_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto age = [this](std::size_t index) {
      return std::tie(started_at_[index], made_.experiments_[index].id);
    };
    std::sort(order.begin(), order.end(),
              [&age](std::size_t a, std::size_t b) { return age(a) < age(b); });
    std::vector<ExperimentFacts> experiments;
    experiments.reserve(order.size());
    for (const std::size_t index : order) {
      experiments.push_back(std::move(made_.experiments_[index]));
    }
    made_.experiments_ = std::move(experiments);
    for (std::size_t i = 0; i < made_.experiments_.size(); ++i) {
      made_.index_of_[made_.experiments_[i].id] = i;
    }
    const auto is_earlier = [this](const Record& a, const Record& b) {
      return made_.index_of_.at(a.experiment.id) < made_.index_of_.at(b.experiment.id);
    };
    if (!std::is_sorted(made_.records_.begin(), made_.records_.end(), is_earlier)) {
      std::stable_sort(made_.records_.begin(), made_.records_.end(), is_earlier);
    }
    return std::move(made_);
  }

 private:
  Dataset made_;
  std::vector<std::string> started_at_;  // of each experiment
};

const ExperimentFacts& Dataset::facts_of(const Record& record) const {
  return experiments_.at(index_of_.at(record.experiment.id));
}

Dataset Dataset::only(const std::string& experiment) const {
  Dataset one;
  const auto found = index_of_.find(experiment);
  if (found == index_of_.end()) return one;
  one.experiments_.push_back(experiments_[found->second]);
  one.index_of_.emplace(experiment, 0);
  std::copy_if(records_.begin(), records_.end(), std::back_inserter(one.records_),
               [&](const auto& record) { return record.experiment.id == experiment; });
  return one;
}

Dataset dataset_of(std::vector<Record> records) {
  DatasetReader reader;
  for (Record& record : records) reader.add(std::move(record));
  return reader.in_order();
}

Dataset read_dataset(const std::vector<std::string>& jsonl_paths) {
  DatasetReader reader;
  read_unique_records(jsonl_paths, [&reader](Record&& record) { reader.add(std::move(record)); });
  return reader.in_order();
}

Timelines read_timelines(const std::vector<std::string>& jsonl_paths,
                         const std::vector<const Record*>& trials) {
  using Key = std::pair<std::string, std::uint64_t>;
  std::map<Key, const Record*> wanted;
  for (const Record* trial : trials) {
    wanted.emplace(Key(trial->experiment.id, trial->run_id), trial);
  }
  Timelines timelines;
  if (wanted.empty()) return timelines;
  for (const std::string& path : jsonl_paths) {
    for_each_record(path, [&](Record&& record) {
      const auto found = wanted.find(Key(record.experiment.id, record.run_id));
      if (found != wanted.end()) timelines[found->second] = samples_of(record.timeline);
    });
  }
  return timelines;
}

}  // namespace coldload::records
