#include "records/trial_figures.h"

namespace coldload::records {

namespace {

bool is_what_it_claims(const Record& record) {
  return record.status == Status::ok && record.load_s.has_value();
}

}  // namespace

std::optional<double> phase_seconds(const Record& trial, const std::string& name) {
  std::optional<double> sum;
  for (const Phase& phase : trial.phases) {
    if (phase.name == name) sum = sum.value_or(0) + phase.end_s - phase.start_s;
  }
  return sum;
}

Destination destination_of(const Record& record) {
  // The native loader tells; where NVML is missing, nobody else does.
  if (const auto told = text::string_at(record.reported, "destination")) {
    return *told == "gpu" ? Destination::gpu : Destination::host;
  }
  return record.gpu_mem_used_mb.value_or(0) > 0 ? Destination::gpu : Destination::host;
}

std::optional<double> weights_seconds(const Record& record, const std::string& target) {
  if (target == "native") return record.load_s;
  std::optional<double> sum;
  for (const Phase& phase : record.phases) {
    if (phase.name == "weights") sum = sum.value_or(0) + phase.end_s - phase.start_s;
  }
  return sum;
}

void apply_floor(const ArmFacts& arm, const std::string& target, Record* record) {
  if (!arm.floor) return;
  const FloorKind kind = record->cold == Cold::warm ? FloorKind::warm : FloorKind::cold;
  record->floor_s =
      floor_seconds(*arm.floor, record->checkpoint_bytes, kind, destination_of(*record));
  if (!arm.prefetch_of.empty()) return;  // storage was read beside the weights phase, not in it
  const auto seconds = weights_seconds(*record, target);
  if (record->floor_s && is_what_it_claims(*record) && seconds && *seconds > 0) {
    record->efficiency = *record->floor_s / *seconds;
  }
}

}  // namespace coldload::records
