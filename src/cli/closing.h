// The end of an experiment, for a person: its report, what became of it, and where all of it lies.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string>

#include "cli/experiment_flags.h"
#include "measure/experiment.h"
#include "records/dataset.h"
#include "records/results.h"

namespace coldload::cli {

// Shows and writes the report of every record of the out directory, so that later rows join earlier
// ones; returns those.
records::Dataset write_report(const records::Results& results, bool json);

// Where all of it lies, and why it ended early, if it did. Beside JSON on standard output, the
// places go to standard error.
void tell_end(const ExperimentRequest& request, const records::Results& results,
              const measure::ExperimentResult& result);

[[nodiscard]] int exit_code(const measure::ExperimentResult& result, bool ignore_failure,
                            bool condition_holds);

}  // namespace coldload::cli
