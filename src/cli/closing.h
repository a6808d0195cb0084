// The end of an experiment, for a person: what became of it, and where all of it lies.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string>

#include "measure/experiment.h"
#include "records/results.h"

namespace coldload::cli {

// A line for each file and folder that is there: report, page, records, logs.
[[nodiscard]] std::string where_it_lies(const records::Results& results,
                                        const measure::ExperimentResult& result);

// Of an experiment that was interrupted: what is kept, and how to go on.
[[nodiscard]] std::string words_of_interrupt(const records::Results& results,
                                             const measure::ExperimentResult& result);

}  // namespace coldload::cli
