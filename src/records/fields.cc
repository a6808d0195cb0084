#include "records/fields.h"

#include <utility>

#include <fmt/format.h>

#include "os/error.h"
#include "records/csv_row.h"
#include "records/json_access.h"
#include "text/notes.h"

namespace coldload::records {

namespace {

const std::vector<Field> k_identity{
    {"schema", In::json_only, "integer", "version of this format: 1",
     [](const Record& r) -> json::value {
       static_cast<void>(r);
       return k_schema;
     },
     nullptr},
    {"run_id", In::csv_and_json, "integer",
     "number of the trial; goes on across appends to the same file",
     [](const Record& r) -> json::value { return r.run_id; },
     [](json::value&& v, Record* r) { r->run_id = read_count(v); }},
    {"storage_mode", In::csv_and_json, "text",
     "label of the way to the model: `nvme`, `net`, ...; warm, staged and prefetched trials have "
     "labels of their own (`nvme_warm`, `staged_hot`, `net_prefetch`)",
     [](const Record& r) -> json::value { return text_value(r.storage_mode); },
     [](json::value&& v, Record* r) { r->storage_mode = read_text(v); }},
    {"model", In::csv_and_json, "text",
     "name of the model, the same for all arms: `--model-name`, else the checkpoint's directory "
     "name",
     [](const Record& r) -> json::value { return text_value(r.model); },
     [](json::value&& v, Record* r) { r->model = read_text(v); }},
    {"max_model_len", In::csv_and_json, "integer",
     "`--max-model-len`, else the value in the server's command, else empty",
     [](const Record& r) -> json::value { return count_value(r.max_model_len); },
     [](json::value&& v, Record* r) { r->max_model_len = read_count(v); }},
    {"load_s", In::csv_and_json, "number",
     "seconds from launch to ready. In the CSV only for trials that are what they claim to be "
     "(`status` ok); in the JSON what was measured, whatever the status",
     [](const Record& r) -> json::value { return number_value(r.load_s); },
     [](json::value&& v, Record* r) { r->load_s = read_number(v); }},
    {"gpu_mem_used_mb", In::csv_and_json, "number",
     "GPU memory in use at ready, in MiB as nvidia-smi counts (whole MiB in the CSV)",
     [](const Record& r) -> json::value { return number_value(r.gpu_mem_used_mb); },
     [](json::value&& v, Record* r) { r->gpu_mem_used_mb = read_number(v); }},
    {"notes", In::csv_and_json, "text", "`key=value` pairs joined by `; `; see below",
     [](const Record& r) -> json::value { return text_value(text::format_notes(notes_of(r))); },
     nullptr},
};

const std::vector<Field> k_trial{
    {"status", In::json_only, "text", "`ok`, `not_cold`, `failed`, `timed_out` or `interrupted`",
     [](const Record& r) -> json::value { return text_value(to_string(r.status)); },
     [](json::value&& v, Record* r) {
       const auto status = parse_status(read_text(v));
       if (!status) throw os::Error("is not a status this version knows");
       r->status = *status;
     }},
    {"reason", In::json_only, "text",
     "why the status is not ok, or the cold verdict is what it is, in plain words",
     [](const Record& r) -> json::value { return text_value(r.reason); },
     [](json::value&& v, Record* r) { r->reason = read_text(v); }},
    {"cold", In::json_only, "text",
     "`verified`, `not_cold`, `unknown`, `not_applicable`, `warm` or `off`; see cold.md",
     [](const Record& r) -> json::value { return text_value(to_string(r.cold)); },
     [](json::value&& v, Record* r) {
       const auto cold = parse_cold(read_text(v));
       if (!cold) throw os::Error("is not a cold verdict this version knows");
       r->cold = *cold;
     }},
    {"arm", In::json_only, "text",
     "label of the arm that the trial belongs to; `nvme` also for `nvme_warm`",
     [](const Record& r) -> json::value { return text_value(r.arm); },
     [](json::value&& v, Record* r) { r->arm = read_text(v); }},
    {"path", In::json_only, "text", "the directory that the target was given",
     [](const Record& r) -> json::value { return text_value(r.path); },
     [](json::value&& v, Record* r) { r->path = read_text(v); }},
    {"started_at", In::json_only, "text", "when the trial began, UTC",
     [](const Record& r) -> json::value { return text_value(r.started_at); },
     [](json::value&& v, Record* r) { r->started_at = read_text(v); }},
    {"block", In::json_only, "integer", "block of the order that the trial is in, from 1",
     [](const Record& r) -> json::value {
       return r.block == 0 ? json::value(nullptr) : json::value(r.block);
     },
     [](json::value&& v, Record* r) { r->block = read_count(v); }},
    {"position", In::json_only, "integer", "position of the trial in the whole experiment, from 1",
     [](const Record& r) -> json::value {
       return r.position == 0 ? json::value(nullptr) : json::value(r.position);
     },
     [](json::value&& v, Record* r) { r->position = read_count(v); }},
    {"argv", In::json_only, "list of text", "what was launched, without a shell",
     [](const Record& r) -> json::value { return texts_value(r.argv); },
     [](json::value&& v, Record* r) { r->argv = read_texts(v); }},
    {"log", In::json_only, "text", "file with the target's output, relative to the out directory",
     [](const Record& r) -> json::value { return text_value(r.log_file); },
     [](json::value&& v, Record* r) { r->log_file = read_text(v); }},
    {"checkpoint_bytes", In::json_only, "integer", "sizes of the weight files, added up",
     [](const Record& r) -> json::value {
       return r.checkpoint_bytes == 0 ? json::value(nullptr) : json::value(r.checkpoint_bytes);
     },
     [](json::value&& v, Record* r) { r->checkpoint_bytes = read_count(v); }},
    {"resident_bytes_before", In::json_only, "integer",
     "bytes of the checkpoint in the page cache immediately before launch",
     [](const Record& r) -> json::value { return count_value(r.resident_bytes_before); },
     [](json::value&& v, Record* r) { r->resident_bytes_before = read_count(v); }},
    {"resident_bytes_after", In::json_only, "integer",
     "bytes of the weight files in the page cache at ready",
     [](const Record& r) -> json::value { return count_value(r.resident_bytes_after); },
     [](json::value&& v, Record* r) { r->resident_bytes_after = read_count(v); }},
    {"storage_bytes_read", In::json_only, "integer", "bytes that storage delivered during the load",
     [](const Record& r) -> json::value { return count_value(r.storage_bytes_read); },
     [](json::value&& v, Record* r) { r->storage_bytes_read = read_count(v); }},
    {"storage_bytes_source", In::json_only, "text",
     "the counter behind `storage_bytes_read`: `block_device`, `process_tree`, `stand_in`, "
     "`nfs_mountstats`, `cifs_stats`; without a counter `direct_io`, `residency`",
     [](const Record& r) -> json::value { return text_value(r.storage_bytes_source); },
     [](json::value&& v, Record* r) { r->storage_bytes_source = read_text(v); }},
    {"spawn_s", In::json_only, "number",
     "seconds from launch until the server's program had been started",
     [](const Record& r) -> json::value { return number_value(r.spawn_s); },
     [](json::value&& v, Record* r) { r->spawn_s = read_number(v); }},
    {"port_open_s", In::json_only, "number",
     "seconds from launch to the first connection that the server accepted",
     [](const Record& r) -> json::value { return number_value(r.port_open_s); },
     [](json::value&& v, Record* r) { r->port_open_s = read_number(v); }},
    {"floor_s", In::json_only, "number",
     "least seconds that the hardware allows: `checkpoint_bytes` over the best rate of the path "
     "(warm trials: of the page cache) and, where GPU memory was used, no more than the "
     "host-to-GPU rate; see floor.md",
     [](const Record& r) -> json::value { return number_value(r.floor_s); },
     [](json::value&& v, Record* r) { r->floor_s = read_number(v); }},
    {"efficiency", In::json_only, "number",
     "`floor_s` over the seconds of the `weights` phase (native loader: over `load_s`); null where "
     "there is no such phase",
     [](const Record& r) -> json::value { return number_value(r.efficiency); },
     [](json::value&& v, Record* r) { r->efficiency = read_number(v); }},
    {"first_token_s", In::json_only, "number",
     "seconds from a request after ready (`--first-token`) to its first streamed token; no part of "
     "`load_s`",
     [](const Record& r) -> json::value { return number_value(r.first_token_s); },
     [](json::value&& v, Record* r) { r->first_token_s = read_number(v); }},
    {"copy_s", In::json_only, "number",
     "seconds that staging took before the trial; no part of `load_s`",
     [](const Record& r) -> json::value { return number_value(r.copy_s); },
     [](json::value&& v, Record* r) { r->copy_s = read_number(v); }},
    {"phases", In::json_only, "list",
     "spans of the load: `name` (`start`, `weights`, `compile`, `profile`, `kv_cache`, `graphs`, "
     "`http`), `start_s` and `end_s` since launch, `source`",
     [](const Record& r) -> json::value { return phases_value(r.phases); },
     [](json::value&& v, Record* r) { r->phases = read_phases(v); }},
    {"unattributed_s", In::json_only, "number", "seconds of the load in no phase",
     [](const Record& r) -> json::value { return number_value(r.unattributed_s); },
     [](json::value&& v, Record* r) { r->unattributed_s = read_number(v); }},
    {"reported", In::json_only, "object", "what the target itself said in its log",
     [](const Record& r) -> json::value { return clean_value(r.reported); },
     [](json::value&& v, Record* r) { r->reported = read_object(std::move(v)); }},
    {"timeline", In::json_only, "list",
     "samples during the load, about every 100 ms (farther apart past 4,000): `t_s` since "
     "launch; since launch also `storage_bytes` (the path's own counter, else `read_bytes` of "
     "the target's processes), `read_calls` and `cpu_s` of those processes; `resident_bytes` "
     "of theirs (shared pages count for each); `page_cache_bytes` (weight files in the page "
     "cache, estimated from 256 pages); `gpu_mem_mib`, `gpu_util_percent` (the busiest "
     "GPU), `pcie_rx_bytes_per_s` (all GPUs). null: not looked at for this sample, to keep the "
     "cost down, or not known. Empty with `--no-timeline`",
     [](const Record& r) -> json::value { return clean_value(r.timeline); },
     [](json::value&& v, Record* r) { r->timeline = read_array(std::move(v)); }},
    {"sampler_cpu_s", In::json_only, "number",
     "CPU seconds that coldload's own sampling cost during the load",
     [](const Record& r) -> json::value { return number_value(r.sampler_cpu_s); },
     [](json::value&& v, Record* r) { r->sampler_cpu_s = read_number(v); }},
    {"remarks", In::json_only, "list of text",
     "what else was seen: load of others, counters that disagree",
     [](const Record& r) -> json::value { return texts_value(r.remarks); },
     [](json::value&& v, Record* r) { r->remarks = read_texts(v); }},
    {"note", In::json_only, "text", "the text of `--note`",
     [](const Record& r) -> json::value { return text_value(r.note); },
     [](json::value&& v, Record* r) { r->note = read_text(v); }},
    {"gpu_mem_source", In::json_only, "text",
     "how `gpu_mem_used_mb` was measured, or why it is not there",
     [](const Record& r) -> json::value { return text_value(r.gpu_mem_source); },
     [](json::value&& v, Record* r) { r->gpu_mem_source = read_text(v); }},
};

const std::vector<Field> k_experiment{
    {"experiment", In::json_only, "text", "identity of the experiment: UTC time and random digits",
     [](const Record& r) -> json::value { return text_value(r.experiment.id); },
     [](json::value&& v, Record* r) { r->experiment.id = read_text(v); }},
    {"order", In::json_only, "text", "`random` (randomised blocks), `abba` or `sequential`",
     [](const Record& r) -> json::value { return text_value(r.experiment.order); },
     [](json::value&& v, Record* r) { r->experiment.order = read_text(v); }},
    {"runs_rule", In::json_only, "text",
     "with `--runs auto`: when it stops, in words; empty for a number of runs that was given",
     [](const Record& r) -> json::value { return text_value(r.experiment.runs_rule); },
     [](json::value&& v, Record* r) { r->experiment.runs_rule = read_text(v); }},
    {"seed", In::json_only, "integer", "of the order; with it the order can be had again",
     [](const Record& r) -> json::value { return r.experiment.seed; },
     [](json::value&& v, Record* r) { r->experiment.seed = read_count(v); }},
    {"cold_policy", In::json_only, "text", "`--cold`: `verify`, `best-effort` or `off`",
     [](const Record& r) -> json::value { return text_value(r.experiment.cold_policy); },
     [](json::value&& v, Record* r) { r->experiment.cold_policy = read_text(v); }},
    {"drop_caches", In::json_only, "true or false",
     "whether all of the machine's page cache was dropped before each cold trial",
     [](const Record& r) -> json::value { return r.experiment.drop_caches; },
     [](json::value&& v, Record* r) { r->experiment.drop_caches = read_truth(v); }},
    {"target", In::json_only, "text",
     "what loads the checkpoint: `native`, `generic`, a server's name",
     [](const Record& r) -> json::value { return text_value(r.experiment.target); },
     [](json::value&& v, Record* r) { r->experiment.target = read_text(v); }},
    {"command", In::json_only, "list of text",
     "coldload's own command line, to repeat the experiment",
     [](const Record& r) -> json::value { return texts_value(r.experiment.command); },
     [](json::value&& v, Record* r) { r->experiment.command = read_texts(v); }},
    {"arms", In::json_only, "list",
     "every arm in the order given: `label`, `path`, `placeholder`, `missing`, `stand_in` (its "
     "rate, "
     "and what it delivered), `storage` (device and the disks below, file system, options, "
     "readahead, "
     "`hidden_cache`, `unseen_caches`), `floor` (what the path, its page cache, the bus and the "
     "GPU "
     "delivered before the first trial: `coldload floor --json`; see floor.md), `no_floor_reason`",
     [](const Record& r) -> json::value { return arms_value(r.experiment.arms); },
     [](json::value&& v, Record* r) { r->experiment.arms = read_arms(v); }},
    {"same_storage", In::json_only, "list of text",
     "sentences that say which arms are the same storage",
     [](const Record& r) -> json::value { return texts_value(r.experiment.same_storage); },
     [](json::value&& v, Record* r) { r->experiment.same_storage = read_texts(v); }},
    {"budgets_s", In::json_only, "object",
     "seconds that a cold start may take, per use: `dev`, `internal`, `user`",
     [](const Record& r) -> json::value {
       json::object out;
       for (const auto& [use, seconds] : r.experiment.budgets_s) out[use] = number_value(seconds);
       return out;
     },
     [](json::value&& v, Record* r) {
       for (const auto& entry : read_object(std::move(v))) {
         r->experiment.budgets_s[entry.key()] = read_number(entry.value());
       }
     }},
    {"budgets_set_by_user", In::json_only, "list of text",
     "the uses whose budget is not coldload's default",
     [](const Record& r) -> json::value { return texts_value(r.experiment.budgets_set_by_user); },
     [](json::value&& v, Record* r) { r->experiment.budgets_set_by_user = read_texts(v); }},
    {"gpu_hour_price", In::json_only, "number",
     "what an hour of the GPUs that one server holds costs, as given to `--gpu-hour`",
     [](const Record& r) -> json::value { return number_value(r.experiment.gpu_hour_price); },
     [](json::value&& v, Record* r) { r->experiment.gpu_hour_price = read_number(v); }},
    {"baseline_file", In::json_only, "text", "the file given to `--baseline`",
     [](const Record& r) -> json::value { return text_value(r.experiment.baseline_file); },
     [](json::value&& v, Record* r) { r->experiment.baseline_file = read_text(v); }},
    {"baseline", In::json_only, "list", "its figures: `storage_mode`, `load_s`",
     [](const Record& r) -> json::value { return baseline_value(r.experiment.baseline); },
     [](json::value&& v, Record* r) { r->experiment.baseline = read_baseline(v); }},
    {"environment", In::json_only, "object",
     "the machine: `os`, `kernel`, `cpu`, `cores`, `memory_bytes`, `gpus`, `gpu_reason`, "
     "`coldload`",
     [](const Record& r) -> json::value { return clean_value(r.experiment.environment); },
     [](json::value&& v, Record* r) { r->experiment.environment = read_object(std::move(v)); }},
};

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

}  // namespace coldload::records
