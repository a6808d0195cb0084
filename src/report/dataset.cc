#include "report/dataset.h"

#include <cstdint>
#include <utility>

#include "report/json_lines.h"

namespace coldload::report {

namespace {

void add_cpu_of_phases(measure::Record* record) {
  if (record->timeline.empty()) return;
  const std::vector<measure::TimelineSample> samples = measure::samples_of(record->timeline);
  for (measure::Phase& phase : record->phases) {
    phase.cpu_s = measure::cpu_between(samples, phase.start_s, phase.end_s);
  }
}

}  // namespace

void Dataset::add(measure::Record&& record) {
  const std::string id = record.experiment.id;
  if (index_of_.emplace(id, experiments_.size()).second) {
    experiments_.push_back(std::move(record.experiment));
  }
  record.experiment = {};
  record.experiment.id = id;
  add_cpu_of_phases(&record);
  record.timeline = {};
  records_.push_back(std::move(record));
}

const measure::ExperimentFacts& Dataset::facts_of(const measure::Record& record) const {
  return experiments_.at(index_of_.at(record.experiment.id));
}

Dataset dataset_of(std::vector<measure::Record> records) {
  Dataset dataset;
  for (measure::Record& record : records) dataset.add(std::move(record));
  return dataset;
}

Dataset read_dataset(const std::vector<std::string>& jsonl_paths) {
  Dataset dataset;
  read_unique_records(jsonl_paths,
                      [&dataset](measure::Record&& record) { dataset.add(std::move(record)); });
  return dataset;
}

Timelines read_timelines(const std::vector<std::string>& jsonl_paths,
                         const std::vector<const measure::Record*>& trials) {
  using Key = std::pair<std::string, std::uint64_t>;
  std::map<Key, const measure::Record*> wanted;
  for (const measure::Record* trial : trials) {
    wanted.emplace(Key(trial->experiment.id, trial->run_id), trial);
  }
  Timelines timelines;
  if (wanted.empty()) return timelines;
  for (const std::string& path : jsonl_paths) {
    for_each_record(path, [&](measure::Record&& record) {
      const auto found = wanted.find(Key(record.experiment.id, record.run_id));
      if (found != wanted.end()) timelines[found->second] = measure::samples_of(record.timeline);
    });
  }
  return timelines;
}

}  // namespace coldload::report
