// The verdict on servers of one node that load the same files at the same moment: they share a page
// cache, so that each alone reads less than the whole, and all together are cold or are not.
//
// Layer: measure. Pure functions over measured values.
#pragma once

#include <cstdint>
#include <vector>

#include <boost/describe/class.hpp>

#include "measure/cold.h"
#include "records/json_members.h"

namespace coldload::measure {

// As for one server. `servers`: what was found of each, at least one. What several looked at is
// there for all, as is what anybody read; a byte that one of them brought in need not come again.
[[nodiscard]] ColdEvidence together(const std::vector<ColdEvidence>& servers);

[[nodiscard]] ColdVerdict judge_together(const std::vector<ColdEvidence>& servers);

[[nodiscard]] records::json::value to_value(WeightsRead read);
// Throws os::Error for what is none.
void from_value(records::json::value&& value, WeightsRead* read);

// As JSON, to whoever judges them together; without the standstill.
BOOST_DESCRIBE_STRUCT(Leftover, (), (path, resident_bytes, resident_pages, holders))
BOOST_DESCRIBE_STRUCT(Observed, (), (target_bytes, lost_children, foreign_readers, gap))
BOOST_DESCRIBE_STRUCT(ColdEvidence, (),
                      (memory_backed, fs_type, hidden_cache, memory_share, why_unseen,
                       resident_bytes_before, leftovers, weights_read, candidates, needed_bytes,
                       stored_bytes, not_comparable, counter_bytes, counter_source,
                       counter_this_mount_only, no_counter_reason, observed, processes_are_charged,
                       direct_bytes, weights_resident_after, weights_resident_once, cache_can_hold))

}  // namespace coldload::measure
