// The records that a report is written from, with the facts of each experiment held once.
//
// Layer: report.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "measure/record.h"

namespace coldload::report {

class Dataset {
 public:
  void add(measure::Record&& record);

  // In the order they were added. Of `experiment` only the id is left, and no timeline: see
  // facts_of.
  [[nodiscard]] const std::vector<measure::Record>& records() const { return records_; }

  // In the order of their first records.
  [[nodiscard]] const std::vector<measure::ExperimentFacts>& experiments() const {
    return experiments_;
  }

  // What is the same for all trials of the record's experiment.
  [[nodiscard]] const measure::ExperimentFacts& facts_of(const measure::Record& record) const;

 private:
  std::vector<measure::Record> records_;
  std::vector<measure::ExperimentFacts> experiments_;
  std::unordered_map<std::string, std::size_t> index_of_;
};

// From memory, and from JSON Lines files. Throws os::Error as read_records does.
[[nodiscard]] Dataset dataset_of(std::vector<measure::Record> records);
[[nodiscard]] Dataset read_dataset(const std::vector<std::string>& jsonl_paths);

}  // namespace coldload::report
