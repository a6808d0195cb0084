// The records that a report is written from, as small as may be: of very many, too.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "records/experiment.h"
#include "records/record.h"
#include "records/timeline.h"
#include "records/trial.h"

namespace coldload::records {

// Moving it leaves its trials and experiments where they are.
class Dataset {
 public:
  Dataset() = default;
  Dataset(Dataset&&) = default;
  Dataset& operator=(Dataset&&) = default;
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;
  ~Dataset() = default;

  // Experiment by experiment as they were made, whatever files they came from in whatever order;
  // those of one as they were added.
  [[nodiscard]] const std::deque<Trial>& trials() const { return trials_; }

  // The earliest first.
  [[nodiscard]] const std::vector<Experiment>& experiments() const { return experiments_; }

  // What is long and hardly ever shown is not held: its line is read again. Empty where that is no
  // longer where it was. Throws os::Error for a file that is no longer there.
  [[nodiscard]] std::string note_of(const Trial& trial) const;

  // The floor of an arm, by its place among the experiment's, in the same way. Nothing where there
  // is none.
  [[nodiscard]] std::optional<Floor> floor_of(const Experiment& experiment, std::size_t arm) const;

  // One experiment alone; nothing where there is none of that id.
  [[nodiscard]] Dataset only(std::string_view experiment) const;

 private:
  friend class DatasetReader;

  std::shared_ptr<const void> held_;  // what they point to
  // Where their records are: files, or here, by LinePlace::offset.
  std::shared_ptr<const std::vector<std::string>> files_;
  std::shared_ptr<const std::vector<std::string>> notes_;
  std::deque<Trial> trials_;
  std::vector<Experiment> experiments_;
};

// From memory, and from JSON Lines files. Throws os::Error that names file and line: as
// for_each_record does, and for a trial that is in two files (or twice in one), which would count
// twice.
[[nodiscard]] Dataset dataset_of(std::vector<Record> records);
[[nodiscard]] Dataset read_dataset(const std::vector<std::string>& jsonl_paths);

// What trials did over time, of a dataset that was read from these files. It is most of a record's
// bytes and wanted of a few: their lines are read again. One that is no longer where it was is left
// out. Throws os::Error for a file that is no longer there.
using Timelines = std::map<const Trial*, std::vector<TimelineSample>>;
[[nodiscard]] Timelines read_timelines(const std::vector<std::string>& jsonl_paths,
                                       const std::vector<const Trial*>& trials);

}  // namespace coldload::records
