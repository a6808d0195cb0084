#include "records/csv_row.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "records/fields.h"
#include "text/csv.h"
#include "text/escape.h"
#include "text/units.h"

namespace coldload::records {

namespace {

std::string stand_in_text(const StandInFacts& facts) {
  std::string text = facts.spec;
  if (!facts.method.empty()) text += fmt::format(" ({})", facts.method);
  std::string delivered;
  if (facts.delivered_read_bytes_per_s) {
    delivered += text::format_rate(*facts.delivered_read_bytes_per_s) + " to read";
  }
  if (facts.delivered_mmap_bytes_per_s) {
    if (!delivered.empty()) delivered += ", ";
    delivered += text::format_rate(*facts.delivered_mmap_bytes_per_s) + " to mmap";
  }
  return delivered.empty() ? text : text + ", delivered " + delivered;
}

void add(text::Notes* notes, const char* key, const std::string& value) {
  if (!value.empty()) notes->emplace_back(key, value);
}

void add_seconds(text::Notes* notes, const char* key, const std::optional<double>& seconds) {
  if (seconds) notes->emplace_back(key, fmt::format("{:.3f}", *seconds));
}

}  // namespace

text::Notes notes_of(const Record& record) {
  const ExperimentFacts& facts = record.experiment;
  text::Notes notes;
  if (record.status != Status::ok) {
    notes.emplace_back("status", to_string(record.status));
    add_seconds(&notes, "measured_s", record.load_s);
  }
  add(&notes, "reason", record.reason);
  add(&notes, "path", record.path);
  notes.emplace_back("cold", to_string(record.cold));
  if (record.caches) notes.emplace_back("caches", to_string(*record.caches));
  if (facts.cold_policy != "verify") add(&notes, "cold_policy", facts.cold_policy);
  if (facts.drop_caches) notes.emplace_back("drop_caches", "yes");
  if (const auto& herd = record.herd) {
    notes.emplace_back("herd", fmt::format("{}", herd->size));
    if (herd->per_node) notes.emplace_back("per_node", fmt::format("{}", *herd->per_node));
    if (herd->node) notes.emplace_back("node", fmt::format("{}", *herd->node));
    notes.emplace_back("rank", fmt::format("{}", herd->rank));
    add(&notes, "host", herd->host);
    add_seconds(&notes, "launch_skew_s", herd->launch_skew_s);
    add_seconds(&notes, "stagger_s", herd->stagger_s);
  }
  add(&notes, "experiment", facts.id);
  add(&notes, "order", facts.order);
  notes.emplace_back("seed", fmt::format("{}", facts.seed));
  const auto arm = std::find_if(facts.arms.begin(), facts.arms.end(),
                                [&](const auto& entry) { return entry.label == record.arm; });
  const bool is_one_start_of_several = arm != facts.arms.end() && arm->start;
  add(&notes, "target", is_one_start_of_several ? arm->start->target : facts.target);
  if (is_one_start_of_several) add(&notes, "command", arm->start->name);
  if (arm != facts.arms.end() && arm->stand_in) {
    add(&notes, "stand_in", stand_in_text(*arm->stand_in));
  }
  for (const SameStorage& pair : facts.same_storage) add(&notes, "same_storage", to_string(pair));
  add_seconds(&notes, "copy_s", record.copy_s);
  add_seconds(&notes, "first_token_s", record.first_token_s);
  if (!record.gpu_mem_used_mb) add(&notes, "gpu_mem", record.gpu_mem_source);
  for (const std::string& remark : record.remarks) add(&notes, "remark", remark);
  add(&notes, "log", record.log_file);
  add(&notes, "note", record.note);
  return notes;
}

std::string csv_row_of(const Record& record) {
  const bool loaded = record.status == Status::ok && record.load_s.has_value();
  return text::csv_row({
      fmt::format("{}", record.run_id),
      text::one_line(record.storage_mode),
      text::one_line(record.model),
      record.max_model_len ? fmt::format("{}", *record.max_model_len) : "",
      loaded ? fmt::format("{:.3f}", *record.load_s) : "",
      record.gpu_mem_used_mb ? fmt::format("{}", std::llround(*record.gpu_mem_used_mb)) : "",
      text::format_notes(notes_of(record)),
  });
}

std::string csv_header() {
  std::vector<std::string> columns;
  for (const Field& field : fields()) {
    if (field.in == In::csv_and_json) columns.emplace_back(field.member.key);
  }
  return text::csv_row(columns);
}

}  // namespace coldload::records
