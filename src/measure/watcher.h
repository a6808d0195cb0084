// What a person sees of an experiment under way.
//
// Layer: measure. Knows nothing of terminals.
#pragma once

#include <cstdint>
#include <string>

#include "records/record.h"

namespace coldload::measure {

struct Subject;

// Called from the driver's thread only.
class ExperimentWatcher {
 public:
  ExperimentWatcher() = default;
  ExperimentWatcher(const ExperimentWatcher&) = delete;
  ExperimentWatcher& operator=(const ExperimentWatcher&) = delete;
  virtual ~ExperimentWatcher() = default;

  virtual void trial_begins(const Subject& subject, std::uint64_t position,
                            std::uint64_t total) = 0;
  // `step`: "evict", "load", "stop", ...; `bytes` so far, 0 if there is nothing to count.
  virtual void step(const std::string& step, std::uint64_t bytes, std::uint64_t total_bytes) = 0;
  // Warm-ups are not recorded: `record` has no run_id then.
  virtual void trial_ended(const Subject& subject, const records::Record& record) = 0;
  virtual void warning(const std::string& text) = 0;
};

}  // namespace coldload::measure
