#include "report/dataset.h"

#include <utility>

#include "report/json_lines.h"

namespace coldload::report {

void Dataset::add(measure::Record&& record) {
  const std::string id = record.experiment.id;
  if (index_of_.emplace(id, experiments_.size()).second) {
    experiments_.push_back(std::move(record.experiment));
  }
  record.experiment = {};
  record.experiment.id = id;
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

}  // namespace coldload::report
