#include "measure/trial_verdict.h"

#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "text/units.h"

namespace coldload::measure {

namespace {

// What became of a trial that should start with the checkpoint in memory.
void check_warmth(const ColdEvidence& evidence, records::Record* record) {
  const auto resident = evidence.resident_bytes_before;
  if (!is_warm(resident.value_or(0), evidence.needed_bytes)) {
    record->status = records::Status::failed;
    record->reason = fmt::format("not warm: {} of {} were in memory before launch",
                                 resident ? text::format_bytes(*resident) : "an unknown share",
                                 text::format_bytes(evidence.needed_bytes));
  }
  constexpr double k_worth_saying = 0.05;
  const std::uint64_t read = record->storage_bytes_read.value_or(0);
  if (static_cast<double>(read) > k_worth_saying * static_cast<double>(evidence.needed_bytes)) {
    record->remarks.push_back(
        fmt::format("{} came from storage in this warm run", text::format_bytes(read)));
  }
}

}  // namespace

void apply_verdict(TrialKind kind, ColdPolicy policy, const ColdEvidence& evidence,
                   const ColdVerdict& verdict, records::Record* record) {
  const bool loaded = record->status == records::Status::ok;
  record->storage_bytes_read = verdict.storage_bytes_read;
  record->storage_bytes_source = verdict.storage_bytes_source;
  const std::string wrong_times = doubt_about_times(evidence.standstill);
  record->cold =
      cold_word({kind, policy, evidence.memory_backed, loaded, wrong_times.empty(), verdict.cold});
  if (!loaded) {
    if (!wrong_times.empty()) record->reason += "; " + wrong_times;
    if (kind != TrialKind::warm_up) return;
    record->reason = "the discarded warm-up launch failed: " + record->reason;
  } else if (!wrong_times.empty() && kind != TrialKind::warm_up) {  // cold or warm
    record->status = records::Status::not_cold;
    record->reason = wrong_times;
  } else if (kind == TrialKind::warm) {
    check_warmth(evidence, record);
  } else if (starts_cold(kind) && policy != ColdPolicy::off) {
    record->reason = verdict.reason;
    const bool cold_enough =
        verdict.cold == records::Cold::verified || verdict.cold == records::Cold::not_applicable;
    if (policy == ColdPolicy::verify && !cold_enough) {
      record->status = records::Status::not_cold;
    }
  }
}

}  // namespace coldload::measure
