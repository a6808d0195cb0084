// The records that a report is written from, with the facts of each experiment held once.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "records/record.h"
#include "records/timeline.h"

namespace coldload::records {

class Dataset {
 public:
  // Experiment by experiment as they were made, whatever files they came from in whatever order;
  // those of one as they were added. Of `experiment` only the id is left (see facts_of), of the
  // timeline the CPU seconds of each phase (see read_timelines).
  [[nodiscard]] const std::vector<Record>& records() const { return records_; }

  // The earliest first.
  [[nodiscard]] const std::vector<ExperimentFacts>& experiments() const { return experiments_; }

  // What is the same for all trials of the record's experiment.
  [[nodiscard]] const ExperimentFacts& facts_of(const Record& record) const;

  // One experiment alone; nothing where there is none of that id.
  [[nodiscard]] Dataset only(const std::string& experiment) const;

 private:
  friend class DatasetReader;

  std::vector<Record> records_;
  std::vector<ExperimentFacts> experiments_;
  std::unordered_map<std::string, std::size_t> index_of_;
};

// From memory, and from JSON Lines files. Throws os::Error as
// read_unique_records does.
[[nodiscard]] Dataset dataset_of(std::vector<Record> records);
[[nodiscard]] Dataset read_dataset(const std::vector<std::string>& jsonl_paths);

// What trials of a dataset did over time. It is most of a record's bytes and wanted of a few: read
// from the files again. Throws as read_dataset does.
using Timelines = std::map<const Record*, std::vector<TimelineSample>>;
[[nodiscard]] Timelines read_timelines(const std::vector<std::string>& jsonl_paths,
                                       const std::vector<const Record*>& trials);

}  // namespace coldload::records
