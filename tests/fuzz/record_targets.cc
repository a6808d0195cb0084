// Records of earlier runs, of other versions and by other hands.
#include <algorithm>
#include <set>
#include <string>

#include "findings/condition.h"
#include "fuzz/targets.h"
#include "records/baseline.h"
#include "records/csv_row.h"
#include "records/dataset.h"
#include "records/floor.h"
#include "records/json_lines.h"
#include "text/csv.h"
#include "text/json.h"

namespace coldload::fuzz {

namespace {

void try_record(std::string_view input) {
  refuses([&] {
    const records::Record record = records::record_of_line(input);
    const std::string line = records::json_line_of(record);
    const records::Record again =
        records::record_of_line(std::string_view(line).substr(0, line.size() - 1));
    require_alike(records::json_line_of(again), line);
    std::string error;
    const std::string row = records::csv_row_of(record);
    const auto rows = text::parse_csv(records::csv_header() + row, &error);
    require(rows && rows->size() == 2, "a trial is a row");
  });
}

// A dataset's lines are read in parts, and say what they say as a whole.
void try_records_file(std::string_view input) {
  const InputFile file(input);
  refuses([&] {
    const records::Dataset dataset = records::read_dataset({file.path()});
    std::set<std::string> known;
    std::size_t count = 0;
    records::for_each_record(file.path(), [&](records::Record&& record) {
      ++count;
      if (!known.insert(record.experiment.id).second) return;
      const auto found = std::find_if(
          dataset.experiments().begin(), dataset.experiments().end(),
          [&](const records::Experiment& one) { return one.id == record.experiment.id; });
      require(found != dataset.experiments().end(), "every experiment is there");
      const std::string line = records::json_line_of(record);
      record.experiment = found->whole_facts();
      for (std::size_t arm = 0; arm < record.experiment.arms.size(); ++arm) {
        record.experiment.arms[arm].floor = dataset.floor_of(*found, arm);
      }
      require_alike(records::json_line_of(record), line);
    });
    require(count == dataset.trials().size(), "every record is a trial");
  });
}

void try_floor(std::string_view input) {
  std::string error;
  const auto value = text::parse_json(input, &error);
  if (!value || !value->is_object()) return;
  refuses([&] {
    const records::Floor floor = records::floor_from_json(value->as_object());
    const std::string written = text::to_line(records::to_json(floor));
    const auto again = text::parse_json(written, &error);
    require(again && again->is_object(), "what is written is read");
    require_alike(text::to_line(records::to_json(records::floor_from_json(again->as_object()))),
                  written);
  });
}

void try_baseline(std::string_view input) {
  const InputFile file(input);
  refuses([&] {
    for (const records::BaselineFigure& figure : records::read_baseline_csv(file.path())) {
      require(figure.load_s >= 0, "a time is not negative");
    }
  });
}

void try_condition(std::string_view input) {
  refuses([&] {
    const findings::Condition condition = findings::parse_condition(input);
    require(condition.text == input, "a condition is told as it was given");
  });
}

}  // namespace

const std::vector<Target> k_record_targets{
    {"record", try_record},     {"records_file", try_records_file}, {"floor", try_floor},
    {"baseline", try_baseline}, {"condition", try_condition},
};

}  // namespace coldload::fuzz
