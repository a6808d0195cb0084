#include "records/dataset.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <tuple>
#include <utility>

#include "records/contradiction.h"
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
    if (made_.index_of_.emplace(id, experiments_.size()).second) {
      experiments_.push_back({record.started_at, std::move(record.experiment)});
    }
    record.experiment = {};
    record.experiment.id = id;
    distrust_contradiction(&record);
    add_cpu_of_phases(&record);
    record.timeline = {};
    made_.records_.push_back(std::move(record));
  }

  Dataset in_order() {
    std::sort(experiments_.begin(), experiments_.end(), [](const auto& a, const auto& b) {
      return std::tie(a.started_at, a.facts.id) < std::tie(b.started_at, b.facts.id);
    });
    for (Started& experiment : experiments_) {
      made_.index_of_[experiment.facts.id] = made_.experiments_.size();
      made_.experiments_.push_back(std::move(experiment.facts));
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
  struct Started {
    std::string started_at;
    ExperimentFacts facts;
  };

  Dataset made_;  // but for its experiments
  std::vector<Started> experiments_;
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
