#include "herd/node_verdict.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

#include "measure/cold_together.h"
#include "measure/trial_verdict.h"
#include "records/contradiction.h"

namespace coldload::herd {

namespace {

using measure::ColdEvidence;
using records::Record;
using records::Status;

bool got_ready(const Record& record) {
  return record.status == Status::ok || record.status == Status::not_cold;
}

// What was in memory before any of them was launched is told by those who looked until then, or by
// the first who looked at all.
std::uint64_t last_look_that_counts(const std::vector<const NodeResult*>& servers) {
  std::uint64_t first_launch = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t first_look = first_launch;
  for (const NodeResult* server : servers) {
    first_launch = std::min(first_launch, *server->launched_ns);
    first_look = std::min(first_look, server->evidence->looked_ns);
  }
  return std::max(first_launch, first_look);
}

ColdEvidence evidence_of(const ServerEvidence& told, bool look_counts) {
  ColdEvidence evidence = told.cold;
  evidence.standstill = {std::chrono::nanoseconds(told.stopped_ns),
                         std::chrono::nanoseconds(told.suspended_ns)};
  if (look_counts) return evidence;
  evidence.resident_bytes_before.reset();
  evidence.leftovers.clear();
  return evidence;
}

void apply(const ColdEvidence& evidence, const measure::ColdVerdict& verdict,
           measure::ColdPolicy policy, Record* record) {
  record->status = Status::ok;
  record->reason.clear();
  measure::apply_verdict(measure::TrialKind::cold, policy, evidence, verdict, record);
  records::distrust_contradiction(record);
}

}  // namespace

void judge_as_one(const std::vector<const NodeResult*>& servers, measure::ColdPolicy policy,
                  std::span<Record> records) {
  if (!std::all_of(records.begin(), records.end(), got_ready)) {
    for (Record& record : records) {
      if (!got_ready(record)) continue;
      record.status = Status::ok;
      record.reason.clear();
      record.cold = records::Cold::unknown;
    }
    return;
  }
  const std::uint64_t last_look = last_look_that_counts(servers);
  std::vector<ColdEvidence> evidence;
  std::optional<std::uint64_t> resident_before;  // of what the target was given, weights or not
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const ServerEvidence& told = *servers[i]->evidence;
    const bool look_counts = told.looked_ns <= last_look;
    evidence.push_back(evidence_of(told, look_counts));
    if (look_counts) resident_before = std::max(resident_before, records[i].resident_bytes_before);
  }
  const ColdEvidence all = measure::together(evidence);
  const measure::ColdVerdict verdict = measure::judge_together(evidence);
  for (Record& record : records) {
    record.resident_bytes_before = resident_before;
    apply(all, verdict, policy, &record);
  }
}

}  // namespace coldload::herd
