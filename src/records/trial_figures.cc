#include "records/trial_figures.h"

namespace coldload::records {

std::vector<double> values_of(const std::vector<const Record*>& trials,
                              std::optional<double> Record::*figure) {
  std::vector<double> values;
  for (const Record* trial : trials) {
    if (trial->*figure) values.push_back(*(trial->*figure));
  }
  return values;
}

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
  return phase_seconds(record, "weights");
}

void apply_floor(const ArmFacts& arm, const std::string& target, Record* record) {
  if (!arm.floor) return;
  const FloorKind kind = record->cold == Cold::warm ? FloorKind::warm : FloorKind::cold;
  record->floor_s =
      floor_seconds(*arm.floor, record->checkpoint_bytes, kind, destination_of(*record));
  if (!arm.prefetch_of.empty()) return;  // storage was read beside the weights phase, not in it
  const auto seconds = weights_seconds(*record, target);
  const bool is_what_it_claims = record->status == Status::ok && record->load_s;
  if (record->floor_s && is_what_it_claims && seconds && *seconds > 0) {
    record->efficiency = *record->floor_s / *seconds;
  }
}

}  // namespace coldload::records
