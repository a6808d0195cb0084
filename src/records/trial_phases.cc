#include "records/trial_phases.h"

#include <vector>

#include "records/timeline.h"

namespace coldload::records {

TrialPhases::TrialPhases(const Record& record, TextPool* texts) {
  std::vector<TimelineSample> samples;
  if (!record.timeline.empty()) samples = samples_of(record.timeline);
  std::vector<std::string_view> names;
  std::vector<Times> times;
  names.reserve(record.phases.size());
  times.reserve(record.phases.size());
  for (const Phase& phase : record.phases) {
    names.push_back(texts->share(phase.name));
    times.push_back({phase.start_s, phase.end_s, cpu_between(samples, phase.start_s, phase.end_s)});
  }
  names_ = texts->share(Texts(names));
  times_ = texts->keep(std::span<const Times>(times));
}

}  // namespace coldload::records
