// Whether a node on which several servers started at once was cold: one verdict for all of them.
//
// They share a page cache. So what one of them finds in memory may be what another has just loaded,
// and what each of them has from storage is less than the whole.
//
// Layer: herd. Pure functions.
#pragma once

#include <span>
#include <vector>

#include "herd/node_trial.h"
#include "measure/plan.h"
#include "records/record.h"

namespace coldload::herd {

// `servers`: what those of one node told; `records`: theirs, in that order, judged one by one until
// now. What the node read is in each of them afterwards. Where one did not get ready, nothing is
// said of the cold of the others.
void judge_as_one(const std::vector<const NodeResult*>& servers, measure::ColdPolicy policy,
                  std::span<records::Record> records);

}  // namespace coldload::herd
