// What a person sees while an experiment runs: a live line on a terminal, plain lines elsewhere.
// Everything goes to stderr; results are stdout's.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/experiment_flags.h"
#include "cli/live_line.h"
#include "cli/note_tally.h"
#include "cli/trial_line.h"
#include "measure/forecast.h"
#include "measure/subject.h"
#include "measure/watcher.h"
#include "os/clock.h"
#include "text/redact.h"

namespace coldload::cli {

class ConsoleWatcher : public measure::ExperimentWatcher {
 public:
  // `secrets` are taken out of warnings; records come without. `out`:
  // the out directory, as a person named it.
  ConsoleWatcher(Verbosity verbosity, text::Redactor secrets, std::string out);

  // What is known of trials beforehand; before the first begins.
  void expect(measure::Forecast forecast) { forecast_ = std::move(forecast); }

  void experiment_begins(const measure::Outlook& outlook) override;
  void trial_begins(const measure::Subject& subject, std::uint64_t position,
                    std::uint64_t total) override;
  void step(const std::string& step, std::uint64_t bytes, std::uint64_t total_bytes) override;
  void trial_ended(const measure::Subject& subject, const records::Record& record) override;
  void looked_at_precision(const measure::PrecisionLook& look) override;
  void warning(const std::string& text) override;

  // Counts what was said of several trials, when the last one is over.
  void experiment_ends();

 private:
  void draw(const std::string& step, std::uint64_t bytes, std::uint64_t total_bytes);
  void show_notes(const records::Record& record);
  // Of the trials that are still to come, and of the rest of this one.
  [[nodiscard]] std::optional<measure::Forecast::Time> left(double elapsed_s) const;

  Verbosity verbosity_;
  text::Redactor secrets_;
  LiveLine line_;
  std::string out_;
  bool colour_;
  measure::Forecast forecast_;
  std::string trial_;                 // the name of the one under way
  std::vector<std::string> to_come_;  // of those after it, in no particular order
  bool may_be_more_ = false;          // --runs auto may make more than those
  NoteTally notes_;
  std::string title_;  // "[3/12] net, cold run 2"
  std::string step_;
  os::TimePoint trial_began_;
  os::TimePoint step_began_;
  os::TimePoint last_drawn_;
};

}  // namespace coldload::cli
