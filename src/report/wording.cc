#include "report/wording.h"

#include <fmt/format.h>

#include "text/escape.h"

namespace coldload::report {

std::string name_of(const Arm& arm) { return text::markdown_code(arm.facts.label); }

std::string start_word(const Comparison& comparison) {
  return loads_only(comparison) ? "load" : "start";
}

std::string run_name(const Comparison& comparison, const records::Record& trial) {
  return comparison.run_ids_repeat
             ? fmt::format("{} of {}", trial.run_id, text::markdown_code(trial.experiment.id))
             : fmt::format("{}", trial.run_id);
}

}  // namespace coldload::report
