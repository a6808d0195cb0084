// What a person sees while an experiment runs: a live line on a terminal, plain lines elsewhere.
// Everything goes to stderr; results are stdout's.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <cstdint>
#include <string>

#include "cli/experiment_flags.h"
#include "cli/live_line.h"
#include "measure/subject.h"
#include "measure/watcher.h"
#include "os/clock.h"
#include "text/redact.h"

namespace coldload::cli {

class ConsoleWatcher : public measure::ExperimentWatcher {
 public:
  // `secrets` are taken out of warnings; records come without.
  ConsoleWatcher(Verbosity verbosity, text::Redactor secrets);

  void trial_begins(const measure::Subject& subject, std::uint64_t position,
                    std::uint64_t total) override;
  void step(const std::string& step, std::uint64_t bytes, std::uint64_t total_bytes) override;
  void trial_ended(const measure::Subject& subject, const records::Record& record) override;
  void warning(const std::string& text) override;

 private:
  Verbosity verbosity_;
  text::Redactor secrets_;
  LiveLine line_;
  bool colour_;
  std::string title_;  // "[3/12] net, cold run 2"
  std::string step_;
  os::TimePoint step_began_;
  os::TimePoint last_drawn_;
};

}  // namespace coldload::cli
