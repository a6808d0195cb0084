// The parts of a record as JSON: one list of members each.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <optional>
#include <span>

#include <boost/describe/class.hpp>

#include "records/json_members.h"
#include "records/record.h"

namespace coldload::records {

BOOST_DESCRIBE_STRUCT(Phase, (), (name, start_s, end_s, source))
BOOST_DESCRIBE_STRUCT(StandInFacts, (),
                      (spec, method, rate_bytes_per_s, latency_s, delivered_read_bytes_per_s,
                       delivered_mmap_bytes_per_s, readahead_bytes))
BOOST_DESCRIBE_STRUCT(BaselineFigure, (), (storage_mode, load_s))
BOOST_DESCRIBE_STRUCT(SameStorage, (), (first, second, how))
BOOST_DESCRIBE_STRUCT(StartSetGroup, (),
                      (group, files, bytes, resident_bytes_before, held_bytes, came_bytes, mount,
                       fs_type, is_network))
BOOST_DESCRIBE_STRUCT(HerdFacts, (),
                      (size, rank, host, launch_skew_s, stagger_s, clock_error_s, per_node, node))
BOOST_DESCRIBE_STRUCT(StartSetFacts, (), (source, groups, held_by))

[[nodiscard]] std::span<const Member<ArmFacts>> members_of(const ArmFacts* object);
// Without "staged_from", "prefetch_of" and "start" where they say nothing.
[[nodiscard]] json::value to_value(const ArmFacts& arm);

[[nodiscard]] json::value to_value(Status status);
[[nodiscard]] json::value to_value(Cold cold);
[[nodiscard]] json::value to_value(std::optional<Caches> caches);
[[nodiscard]] json::value to_value(std::optional<Layer> layer);
// Throw os::Error for what this version does not know.
void from_value(json::value&& value, Status* status);
void from_value(json::value&& value, Cold* cold);
void from_value(json::value&& value, Caches* caches);
void from_value(json::value&& value, Layer* layer);

// Throws os::Error for one that ends before it starts: no time is below zero.
void from_value(json::value&& value, Phase* phase);

// Also from the sentence that schema 1 has.
void from_value(json::value&& value, SameStorage* pair);

}  // namespace coldload::records
