// What the parts of a herd's trial are together: cold, and whole, or not.
//
// Layer: herd. Pure functions.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "herd/node_trial.h"
#include "herd/schedule.h"
#include "measure/plan.h"
#include "records/record.h"

namespace coldload::herd {

struct HerdTrial {
  std::vector<records::Record> records;  // one of each member, in their order
  std::vector<std::string> problems;     // why there is no trial at all, each with its node
};

// The members' records as they told them, each with its part. `nodes`: what each rank told, by
// rank.
[[nodiscard]] HerdTrial records_of(const HerdSlot& slot, const std::vector<NodeResult>& nodes,
                                   const std::vector<std::string>& hosts,
                                   const std::function<std::string(int)>& name_of);

// The same, held together: a trial in which one node failed, was not cold, or read
// though it should idle is that for all: their records say which. Servers of one node are judged as
// one before.
[[nodiscard]] HerdTrial judge(const HerdSlot& slot, const std::vector<NodeResult>& nodes,
                              const std::vector<std::string>& hosts,
                              const std::function<std::string(int)>& name_of,
                              measure::ColdPolicy cold);

}  // namespace coldload::herd
