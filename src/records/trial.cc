#include "records/trial.h"

#include <vector>

namespace coldload::records {

namespace {

Reported reported_of(const text::json::object& told, TextPool* texts) {
  const auto text_at = [&](const char* key) -> std::optional<std::string_view> {
    const text::json::value* const value = told.if_contains(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    const std::string_view text = value->get_string();
    return text.empty() ? std::string_view("") : texts->share(text);
  };
  Reported reported;
  reported.destination = text_at("destination");
  reported.version = text_at("version");
  reported.file_system = text_at("file_system");
  reported.prefetch = text_at("prefetch");
  reported.not_read_ahead = text_at(k_not_read_ahead_key);
  reported.context_s = text::number_at(told, "context_s");
  reported.pin_s = text::number_at(told, "pin_s");
  reported.compile_cache = told.contains("compile_cache");
  reported.compile_s = told.contains("compile_s");
  return reported;
}

std::span<const TrialStartGroup> start_set_of(const Record& record, TextPool* texts) {
  if (!record.start_set) return {};
  std::vector<TrialStartGroup> groups;
  for (const StartSetGroup& group : record.start_set->groups) {
    groups.push_back({texts->share(group.group), group.files, group.bytes,
                      group.resident_bytes_before, group.held_bytes, group.came_bytes,
                      texts->share(group.mount), texts->share(group.fs_type), group.is_network});
  }
  return texts->keep(std::span<const TrialStartGroup>(groups));
}

const TrialHerd* herd_of(const Record& record, TextPool* texts) {
  if (!record.herd) return nullptr;
  const TrialHerd herd{record.position,
                       record.herd->size,
                       record.herd->per_node.value_or(1),
                       record.herd->node.value_or(record.herd->rank),
                       record.herd->rank,
                       texts->share(record.herd->host),
                       record.herd->launch_skew_s,
                       record.herd->stagger_s};
  return texts->keep(std::span<const TrialHerd>(&herd, 1)).data();
}

}  // namespace

Trial trial_of(const Record& record, TextPool* texts) {
  Trial trial;
  trial.run_id = record.run_id;
  trial.started_at = texts->share(record.started_at);
  trial.arm = texts->share(record.arm);
  trial.storage_mode = texts->share(record.storage_mode);
  trial.path = texts->share(record.path);
  trial.model = texts->share(record.model);
  trial.max_model_len = record.max_model_len;
  trial.status = record.status;
  trial.cold = record.cold;
  trial.layer = record.layer;
  trial.herd = herd_of(record, texts);
  trial.reason = texts->share(record.reason);
  trial.load_s = record.load_s;
  trial.gpu_mem_used_mb = record.gpu_mem_used_mb;
  trial.gpu_mem_source = texts->share(record.gpu_mem_source);
  trial.argv = texts->share(record.argv);
  trial.log_file = texts->keep(record.log_file);
  trial.checkpoint_bytes = record.checkpoint_bytes;
  trial.tensors_hash = texts->share(record.tensors_hash);
  trial.resident_bytes_before = record.resident_bytes_before;
  trial.storage_bytes_read = record.storage_bytes_read;
  trial.storage_bytes_source = texts->share(record.storage_bytes_source);
  trial.caches = record.caches;
  trial.caches_written_files = record.caches_written_files;
  trial.caches_written_bytes = record.caches_written_bytes;
  trial.start_set = start_set_of(record, texts);
  trial.floor_s = record.floor_s;
  trial.efficiency = record.efficiency;
  trial.first_token_s = record.first_token_s;
  trial.copy_s = record.copy_s;
  trial.phases = TrialPhases(record, texts);
  trial.unattributed_s = record.unattributed_s;
  trial.reported = reported_of(record.reported, texts);
  trial.remarks = texts->share(record.remarks);
  trial.has_note = !record.note.empty();
  return trial;
}

}  // namespace coldload::records
