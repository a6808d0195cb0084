#include "report/fields.h"

#include <utility>

#include <fmt/format.h>

#include "os/error.h"
#include "report/csv_row.h"
#include "report/json_access.h"
#include "text/notes.h"

namespace coldload::report {

namespace {

using measure::Record;

// clang-format off: one field, one block of lines, whatever its length
#define WRITE [](const Record& r) -> json::value
#define READ [](json::value && v, Record * r)

const std::vector<Field> k_identity{
    {"schema", In::json_only, "integer", "version of this format: 1", WRITE{static_cast<void>(r);
return k_schema;
}  // namespace
, nullptr
}  // namespace coldload::report
, {"run_id", In::csv_and_json, "integer",
   "number of the trial; goes on across appends to the same file", WRITE{return r.run_id;
}
, READ { r->run_id = read_count(v); }
}
, {"storage_mode", In::csv_and_json, "text",
   "label of the way to the model: `nvme`, `net`, ...; warm and staged trials have labels of their "
   "own (`nvme_warm`, `staged_hot`)",
   WRITE{return text_value(r.storage_mode);
}
, READ { r->storage_mode = read_text(v); }
}
, {"model", In::csv_and_json, "text",
   "name of the model, the same for all arms: `--model-name`, else the checkpoint's directory name",
   WRITE{return text_value(r.model);
}
, READ { r->model = read_text(v); }
}
, {"max_model_len", In::csv_and_json, "integer",
   "`--max-model-len`, else the value in the server's command, else empty",
   WRITE{return count_value(r.max_model_len);
}
, READ { r->max_model_len = read_count(v); }
}
, {"load_s", In::csv_and_json, "number",
   "seconds from launch to ready. In the CSV only for trials that are what they claim to be "
   "(`status` ok); in the JSON what was measured, whatever the status",
   WRITE{return number_value(r.load_s);
}
, READ { r->load_s = read_number(v); }
}
, {"gpu_mem_used_mb", In::csv_and_json, "number",
   "GPU memory in use at ready, in MiB as nvidia-smi counts (whole MiB in the CSV)",
   WRITE{return number_value(r.gpu_mem_used_mb);
}
, READ { r->gpu_mem_used_mb = read_number(v); }
}
, {"notes", In::csv_and_json, "text", "`key=value` pairs joined by `; `; see below",
   WRITE{return text_value(text::format_notes(notes_of(r)));
}
, nullptr
}
,
}
;

const std::vector<Field> k_trial{{"status", In::json_only, "text",
                                  "`ok`, `not_cold`, `failed`, `timed_out` or `interrupted`",
                                  WRITE{return text_value(to_string(r.status));
}
, READ {
  const auto status = measure::parse_status(read_text(v));
  if (!status) throw os::Error("is not a status this version knows");
  r->status = *status;
}
}
, {"reason", In::json_only, "text",
   "why the status is not ok, or the cold verdict is what it is, in plain words",
   WRITE{return text_value(r.reason);
}
, READ { r->reason = read_text(v); }
}
, {"cold", In::json_only, "text",
   "`verified`, `not_cold`, `unknown`, `not_applicable`, `warm` or `off`; see cold.md",
   WRITE{return text_value(to_string(r.cold));
}
, READ {
  const auto cold = measure::parse_cold(read_text(v));
  if (!cold) throw os::Error("is not a cold verdict this version knows");
  r->cold = *cold;
}
}
, {"arm", In::json_only, "text",
   "label of the arm that the trial belongs to; `nvme` also for `nvme_warm`",
   WRITE{return text_value(r.arm);
}
, READ { r->arm = read_text(v); }
}
, {"path", In::json_only, "text", "the directory that the target was given",
   WRITE{return text_value(r.path);
}
, READ { r->path = read_text(v); }
}
, {"started_at", In::json_only, "text", "when the trial began, UTC",
   WRITE{return text_value(r.started_at);
}
, READ { r->started_at = read_text(v); }
}
, {"block", In::json_only, "integer", "block of the order that the trial is in, from 1",
   WRITE{return r.block == 0 ? json::value(nullptr) : json::value(r.block);
}
, READ { r->block = read_count(v); }
}
, {"position", In::json_only, "integer", "position of the trial in the whole experiment, from 1",
   WRITE{return r.position == 0 ? json::value(nullptr) : json::value(r.position);
}
, READ { r->position = read_count(v); }
}
, {"argv", In::json_only, "list of text", "what was launched, without a shell",
   WRITE{return texts_value(r.argv);
}
, READ { r->argv = read_texts(v); }
}
, {"log", In::json_only, "text", "file with the target's output, relative to the out directory",
   WRITE{return text_value(r.log_file);
}
, READ { r->log_file = read_text(v); }
}
, {"checkpoint_bytes", In::json_only, "integer", "sizes of the weight files, added up",
   WRITE{return r.checkpoint_bytes == 0 ? json::value(nullptr) : json::value(r.checkpoint_bytes);
}
, READ { r->checkpoint_bytes = read_count(v); }
}
, {"resident_bytes_before", In::json_only, "integer",
   "bytes of the checkpoint in the page cache immediately before launch",
   WRITE{return count_value(r.resident_bytes_before);
}
, READ { r->resident_bytes_before = read_count(v); }
}
, {"resident_bytes_after", In::json_only, "integer",
   "bytes of the weight files in the page cache at ready",
   WRITE{return count_value(r.resident_bytes_after);
}
, READ { r->resident_bytes_after = read_count(v); }
}
, {"storage_bytes_read", In::json_only, "integer", "bytes that storage delivered during the load",
   WRITE{return count_value(r.storage_bytes_read);
}
, READ { r->storage_bytes_read = read_count(v); }
}
, {"storage_bytes_source", In::json_only, "text",
   "the counter behind `storage_bytes_read`: `block_device`, `process_tree`, `stand_in`, "
   "`nfs_mountstats`, `cifs_stats`; without a counter `direct_io`, `residency`",
   WRITE{return text_value(r.storage_bytes_source);
}
, READ { r->storage_bytes_source = read_text(v); }
}
, {"spawn_s", In::json_only, "number",
   "seconds from launch until the server's program had been started",
   WRITE{return number_value(r.spawn_s);
}
, READ { r->spawn_s = read_number(v); }
}
, {"port_open_s", In::json_only, "number",
   "seconds from launch to the first connection that the server accepted",
   WRITE{return number_value(r.port_open_s);
}
, READ { r->port_open_s = read_number(v); }
}
, {"floor_s", In::json_only, "number",
   "least seconds that the hardware allows: `checkpoint_bytes` over the best rate of the path "
   "(warm trials: of the page cache) and, where GPU memory was used, no more than the "
   "host-to-GPU rate; see floor.md",
   WRITE{return number_value(r.floor_s);
}
, READ { r->floor_s = read_number(v); }
}
, {"efficiency", In::json_only, "number",
   "`floor_s` over the seconds of the `weights` phase (native loader: over `load_s`); null where "
   "there is no such phase",
   WRITE{return number_value(r.efficiency);
}
, READ { r->efficiency = read_number(v); }
}
, {"first_token_s", In::json_only, "number",
   "seconds from a request after ready (`--first-token`) to its first streamed token; no part of "
   "`load_s`",
   WRITE{return number_value(r.first_token_s);
}
, READ { r->first_token_s = read_number(v); }
}
, {"copy_s", In::json_only, "number",
   "seconds that staging took before the trial; no part of `load_s`",
   WRITE{return number_value(r.copy_s);
}
, READ { r->copy_s = read_number(v); }
}
, {"phases", In::json_only, "list",
   "spans of the load: `name` (`start`, `weights`, `compile`, `profile`, `kv_cache`, `graphs`, "
   "`http`), `start_s` and `end_s` since launch, `source`",
   WRITE{return phases_value(r.phases);
}
, READ { r->phases = read_phases(v); }
}
, {"unattributed_s", In::json_only, "number", "seconds of the load in no phase",
   WRITE{return number_value(r.unattributed_s);
}
, READ { r->unattributed_s = read_number(v); }
}
, {"reported", In::json_only, "object", "what the target itself said in its log",
   WRITE{return clean_value(r.reported);
}
, READ { r->reported = read_object(std::move(v)); }
}
, {"timeline", In::json_only, "list",
   "samples during the load, about every 100 ms (farther apart past 4,000): `t_s` since "
   "launch; since launch also `storage_bytes` (the path's own counter, else `read_bytes` of "
   "the target's processes), `read_calls` and `cpu_s` of those processes; `resident_bytes` "
   "of theirs (shared pages count for each); `page_cache_bytes` (weight files in the page "
   "cache, estimated from 256 pages); `gpu_mem_mib`, `gpu_util_percent` (the busiest "
   "GPU), `pcie_rx_bytes_per_s` (all GPUs). null: not looked at for this sample, to keep the "
   "cost down, or not known. Empty with `--no-timeline`",
   WRITE{return clean_value(r.timeline);
}
, READ { r->timeline = read_array(std::move(v)); }
}
, {"sampler_cpu_s", In::json_only, "number",
   "CPU seconds that coldload's own sampling cost during the load",
   WRITE{return number_value(r.sampler_cpu_s);
}
, READ { r->sampler_cpu_s = read_number(v); }
}
, {"remarks", In::json_only, "list of text",
   "what else was seen: load of others, counters that disagree",
   WRITE{return texts_value(r.remarks);
}
, READ { r->remarks = read_texts(v); }
}
, {"note", In::json_only, "text", "the text of `--note`", WRITE{return text_value(r.note);
}
, READ { r->note = read_text(v); }
}
, {"gpu_mem_source", In::json_only, "text",
   "how `gpu_mem_used_mb` was measured, or why it is not there",
   WRITE{return text_value(r.gpu_mem_source);
}
, READ { r->gpu_mem_source = read_text(v); }
}
,
}
;

const std::vector<Field> k_experiment{{"experiment", In::json_only, "text",
                                       "identity of the experiment: UTC time and random digits",
                                       WRITE{return text_value(r.experiment.id);
}
, READ { r->experiment.id = read_text(v); }
}
, {"order", In::json_only, "text", "`random` (randomised blocks), `abba` or `sequential`",
   WRITE{return text_value(r.experiment.order);
}
, READ { r->experiment.order = read_text(v); }
}
, {"seed", In::json_only, "integer", "of the order; with it the order can be had again",
   WRITE{return r.experiment.seed;
}
, READ { r->experiment.seed = read_count(v); }
}
, {"cold_policy", In::json_only, "text", "`--cold`: `verify`, `best-effort` or `off`",
   WRITE{return text_value(r.experiment.cold_policy);
}
, READ { r->experiment.cold_policy = read_text(v); }
}
, {"drop_caches", In::json_only, "true or false",
   "whether all of the machine's page cache was dropped before each cold trial",
   WRITE{return r.experiment.drop_caches;
}
, READ { r->experiment.drop_caches = read_truth(v); }
}
, {"target", In::json_only, "text",
   "what loads the checkpoint: `native`, `generic`, a server's name",
   WRITE{return text_value(r.experiment.target);
}
, READ { r->experiment.target = read_text(v); }
}
, {"command", In::json_only, "list of text",
   "coldload's own command line, to repeat the experiment",
   WRITE{return texts_value(r.experiment.command);
}
, READ { r->experiment.command = read_texts(v); }
}
, {"arms", In::json_only, "list",
   "every arm in the order given: `label`, `path`, `placeholder`, `missing`, `stand_in` (its rate, "
   "and what it delivered), `storage` (device and the disks below, file system, options, "
   "readahead, "
   "`hidden_cache`, `unseen_caches`), `floor` (what the path, its page cache, the bus and the GPU "
   "delivered before the first trial: `coldload floor --json`; see floor.md), `no_floor_reason`",
   WRITE{return arms_value(r.experiment.arms);
}
, READ { r->experiment.arms = read_arms(v); }
}
, {"same_storage", In::json_only, "list of text",
   "sentences that say which arms are the same storage",
   WRITE{return texts_value(r.experiment.same_storage);
}
, READ { r->experiment.same_storage = read_texts(v); }
}
, {"budgets_s", In::json_only, "object",
   "seconds that a cold start may take, per use: `dev`, `internal`, `user`", WRITE{json::object out;
for (const auto& [use, seconds] : r.experiment.budgets_s) out[use] = number_value(seconds);
return out;
}
, READ {
  for (const auto& entry : read_object(std::move(v))) {
    r->experiment.budgets_s[entry.key()] = read_number(entry.value());
  }
}
}
, {"budgets_set_by_user", In::json_only, "list of text",
   "the uses whose budget is not coldload's default",
   WRITE{return texts_value(r.experiment.budgets_set_by_user);
}
, READ { r->experiment.budgets_set_by_user = read_texts(v); }
}
, {"baseline_file", In::json_only, "text", "the file given to `--baseline`",
   WRITE{return text_value(r.experiment.baseline_file);
}
, READ { r->experiment.baseline_file = read_text(v); }
}
, {"baseline", In::json_only, "list", "its figures: `storage_mode`, `load_s`",
   WRITE{return baseline_value(r.experiment.baseline);
}
, READ { r->experiment.baseline = read_baseline(v); }
}
, {"environment", In::json_only, "object",
   "the machine: `os`, `kernel`, `cpu`, `cores`, `memory_bytes`, `gpus`, `gpu_reason`, `coldload`",
   WRITE{return clean_value(r.experiment.environment);
}
, READ { r->experiment.environment = read_object(std::move(v)); }
}
,
}
;
#undef WRITE
#undef READ
// clang-format on

}  // namespace

const std::vector<Field>& fields() {
  static const std::vector<Field> k_all = [] {
    std::vector<Field> all = k_identity;
    all.insert(all.end(), k_trial.begin(), k_trial.end());
    all.insert(all.end(), k_experiment.begin(), k_experiment.end());
    return all;
  }();
  return k_all;
}

std::vector<std::string> csv_columns() {
  std::vector<std::string> columns;
  for (const Field& field : fields()) {
    if (field.in == In::csv_and_json) columns.emplace_back(field.key);
  }
  return columns;
}

std::vector<std::string> documented_fields(In in) {
  std::vector<std::string> lines;
  for (const Field& field : fields()) {
    if (field.in == in) {
      lines.push_back(fmt::format("| `{}` | {} | {} |", field.key, field.kind, field.meaning));
    }
  }
  return lines;
}

}  // namespace coldload::report
