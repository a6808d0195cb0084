#include "records/trial_figures.h"

namespace coldload::records {

namespace {

// The native loader tells; where NVML is missing, nobody else does.
Destination destination(std::optional<std::string_view> told,
                        std::optional<double> gpu_mem_used_mb) {
  if (told) return *told == "gpu" ? Destination::gpu : Destination::host;
  return gpu_mem_used_mb.value_or(0) > 0 ? Destination::gpu : Destination::host;
}

}  // namespace

std::vector<double> values_of(const std::vector<const Trial*>& trials,
                              std::optional<double> Trial::*figure) {
  std::vector<double> values;
  for (const Trial* trial : trials) {
    if (trial->*figure) values.push_back(*(trial->*figure));
  }
  return values;
}

Destination destination_of(const Record& record) {
  return destination(text::string_at(record.reported, "destination"), record.gpu_mem_used_mb);
}

Destination destination_of(const Trial& trial) {
  return destination(trial.reported.destination, trial.gpu_mem_used_mb);
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
