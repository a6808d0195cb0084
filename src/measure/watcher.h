// What a person sees of an experiment under way.
//
// Layer: measure. Knows nothing of terminals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "measure/run_count.h"
#include "records/record.h"

namespace coldload::measure {

struct Subject;

// A trial that is planned.
struct TrialToCome {
  std::string name;               // Subject::trial_name
  std::optional<double> least_s;  // it takes that long at least, by what its path delivered
};

// What an experiment is going to make, as far as that is known.
struct Outlook {
  std::vector<TrialToCome> trials;  // in their order
  bool may_be_more = false;         // --runs auto: these are what it makes at least
};

// Called from the driver's thread only.
class ExperimentWatcher {
 public:
  ExperimentWatcher() = default;
  ExperimentWatcher(const ExperimentWatcher&) = delete;
  ExperimentWatcher& operator=(const ExperimentWatcher&) = delete;
  virtual ~ExperimentWatcher() = default;

  // Once, when all is measured that is measured before the first trial.
  virtual void experiment_begins(const Outlook& outlook) = 0;
  virtual void trial_begins(const Subject& subject, std::uint64_t position,
                            std::uint64_t total) = 0;
  // `step`: "evict", "load", "stop", ...; `bytes` so far, 0 if there is nothing to count.
  virtual void step(const std::string& step, std::uint64_t bytes, std::uint64_t total_bytes) = 0;
  // Warm-ups are not recorded: `record` has no run_id then.
  virtual void trial_ended(const Subject& subject, const records::Record& record) = 0;
  virtual void looked_at_precision(const PrecisionLook& look) = 0;
  virtual void warning(const std::string& text) = 0;
};

}  // namespace coldload::measure
