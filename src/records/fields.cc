#include "records/fields.h"

#include <algorithm>

#include <fmt/format.h>

#include "records/csv_row.h"
#include "records/record_json.h"
#include "text/notes.h"

namespace coldload::records {

namespace {

using Facts = ExperimentFacts;

template <auto First>
constexpr Member<Record> fact(std::string_view key) {
  return member<&Record::experiment, First>(key);
}

const std::vector<Field> k_fields{
    {derived<Record>("schema", [](const Record& /*r*/) { return json::value(k_schema); }),
     "integer",
     "version of this format: 2; records of 1, whose `same_storage` are sentences, are read, too"},
    {member<&Record::run_id>("run_id"), "integer",
     "number of the trial; goes on across appends to the same file", In::csv_and_json},
    {member<&Record::storage_mode>("storage_mode"), "text",
     "label of the way to the model: `nvme`, `net`, ...; warm, staged and prefetched trials have "
     "labels of their own (`nvme_warm`, `staged_hot`, `net_prefetch`), and so have deeper layers "
     "of "
     "cold (`nvme_node`, `nvme_first`), each of several commands (`nvme_auto`) and a herd of nodes "
     "(`net_herd4`; with four servers on each `net_herd4x4`)",
     In::csv_and_json},
    {member<&Record::model>("model"), "text",
     "name of the model, the same for all arms: `--model-name`, else the checkpoint's directory "
     "name",
     In::csv_and_json},
    {member<&Record::max_model_len>("max_model_len"), "integer",
     "`--max-model-len`, else the value in the server's command, else empty", In::csv_and_json},
    {member<&Record::load_s>("load_s"), "number",
     "seconds from launch to ready. In the CSV only for trials that are what they claim to be "
     "(`status` ok); in the JSON what was measured, whatever the status",
     In::csv_and_json},
    {member<&Record::gpu_mem_used_mb>("gpu_mem_used_mb"), "number",
     "GPU memory in use at ready, in MiB as nvidia-smi counts (whole MiB in the CSV)",
     In::csv_and_json},
    {derived<Record>("notes",
                     [](const Record& r) { return to_value(text::format_notes(notes_of(r))); }),
     "text", "`key=value` pairs joined by `; `; see below", In::csv_and_json},
    {member<&Record::status>("status"), "text",
     "`ok`, `not_cold`, `failed`, `timed_out` or `interrupted`"},
    {member<&Record::reason>("reason"), "text",
     "why the status is not ok, or the cold verdict is what it is, in plain words"},
    {member<&Record::cold>("cold"), "text",
     "`verified`, `not_cold`, `unknown`, `not_applicable`, `warm` or `off`; see cold.md"},
    {member<&Record::layer>("layer"), "text",
     "how much was cold at launch: `warm` (nothing of the model), `weights`, `node` (also what "
     "else "
     "the start reads) or `first` (as `node`, and the runtime caches empty); see layers.md"},
    {member<&Record::herd>("herd"), "object",
     "where servers were launched on several nodes at the same moment, this one's part: `size` "
     "(nodes that launched), `rank`, `host`, `launch_skew_s` (launched that much later than "
     "the first of them), `stagger_s` (and was to be, than the one before; null: at the same "
     "moment), `clock_error_s` (by how much the skew may be wrong), `per_node` (servers "
     "on each node, which share its page cache: `storage_bytes_read`, `cold` and `status` are the "
     "node's, and the same for all of them; null: one), `node` (the number of this one's node); "
     "each server has a record, and those of one trial have `position` in common; see herd.md"},
    {member<&Record::arm>("arm"), "text",
     "label of the arm that the trial belongs to; `nvme` also for `nvme_warm`"},
    {member<&Record::path>("path"), "text", "the directory that the target was given"},
    {member<&Record::started_at>("started_at"), "text", "when the trial began, UTC"},
    {known_count<&Record::block>("block"), "integer",
     "block of the order that the trial is in, from 1"},
    {known_count<&Record::position>("position"), "integer",
     "position of the trial in the whole experiment, from 1"},
    {member<&Record::argv>("argv"), "list of text", "what was launched, without a shell"},
    {member<&Record::log_file>("log"), "text",
     "file with the target's output, relative to the out directory"},
    {known_count<&Record::checkpoint_bytes>("checkpoint_bytes"), "integer",
     "sizes, added up, of the weight files that the load was seen to read; where that was not "
     "seen, "
     "of those that names tell"},
    {member<&Record::tensors_hash>("tensors_hash"), "text",
     "hash of the names, types and shapes of the tensors in those files, by their safetensors "
     "headers and the index; null where a file has no such header. Their values are not looked at"},
    {member<&Record::resident_bytes_before>("resident_bytes_before"), "integer",
     "bytes of the checkpoint in the page cache immediately before launch"},
    {member<&Record::resident_bytes_after>("resident_bytes_after"), "integer",
     "bytes of the weight files in the page cache at ready"},
    {member<&Record::storage_bytes_read>("storage_bytes_read"), "integer",
     "bytes that storage delivered during the load"},
    {member<&Record::storage_bytes_source>("storage_bytes_source"), "text",
     "the counter behind `storage_bytes_read`: `block_device`, `process_tree`, `stand_in`, "
     "`nfs_mountstats`, `cifs_stats`, or several joined by `+`; without a counter `direct_io`, "
     "`residency`"},
    {member<&Record::caches>("caches"), "text",
     "what the start found in the server's runtime caches: `hit` (files, and it wrote no more), "
     "`filled` (none, and it wrote some), `mixed` (files, and it wrote more) or `none` (none "
     "before "
     "and after); see cold.md"},
    {member<&Record::caches_files>("caches_files"), "integer",
     "files in the runtime caches before launch"},
    {member<&Record::caches_bytes>("caches_bytes"), "integer", "their sizes, added up"},
    {member<&Record::caches_written_files>("caches_written_files"), "integer",
     "files there that were new, replaced or longer at ready"},
    {member<&Record::caches_written_bytes>("caches_written_bytes"), "integer",
     "what was new of them"},
    {member<&Record::start_set>("start_set"), "object",
     "with `--node-runs` or `--first-runs`, what the start reads: `source` (`fanotify` or "
     "`page_cache`), `groups` (`group`: `weights`, `checkpoint`, `program`, `caches` or `other`; "
     "`files`, `bytes`; `resident_bytes_before` launch, `held_bytes` of these, which others map; "
     "`came_bytes`: in the page cache at ready and not before; `mount`, `fs_type`, `is_network`), "
     "`held_by` (a few of those others); see layers.md"},
    {member<&Record::spawn_s>("spawn_s"), "number",
     "seconds from launch until the server's program had been started"},
    {member<&Record::port_open_s>("port_open_s"), "number",
     "seconds from launch to the first connection that the server accepted"},
    {member<&Record::floor_s>("floor_s"), "number",
     "least seconds that the hardware allows: `checkpoint_bytes` over the best rate of the path "
     "(warm trials: of the page cache) and, where GPU memory was used, no more than the "
     "host-to-GPU rate; see floor.md"},
    {member<&Record::efficiency>("efficiency"), "number",
     "`floor_s` over the seconds of the `weights` phase (native loader: over `load_s`); null where "
     "there is no such phase"},
    {member<&Record::first_token_s>("first_token_s"), "number",
     "seconds from a request after ready (`--first-token`) to its first streamed token; no part of "
     "`load_s`"},
    {member<&Record::copy_s>("copy_s"), "number",
     "seconds that staging took before the trial; no part of `load_s`"},
    {member<&Record::phases>("phases"), "list",
     "spans of the load: `name` (`start`, `weights`, `compile`, `profile`, `kv_cache`, `graphs`, "
     "`http`), `start_s` and `end_s` since launch, `source`"},
    {member<&Record::unattributed_s>("unattributed_s"), "number",
     "seconds of the load in no phase"},
    {member<&Record::reported>("reported"), "object", "what the target itself said in its log"},
    {member<&Record::timeline>("timeline"), "list",
     "samples during the load, about every 100 ms (farther apart past 4,000): `t_s` since launch; "
     "since launch also `storage_bytes` (the path's own counter, else `read_bytes` of the target's "
     "processes), `read_calls` and `cpu_s` of those processes; `resident_bytes` of theirs (shared "
     "pages count for each); `page_cache_bytes` (weight files in the page cache, estimated from "
     "256 pages); `gpu_mem_mib`, `gpu_util_percent` (the busiest GPU), `pcie_rx_bytes_per_s` (all "
     "GPUs). null: not looked at for this sample, to keep the cost down, or not known. Empty with "
     "`--no-timeline`"},
    {member<&Record::sampler_cpu_s>("sampler_cpu_s"), "number",
     "CPU seconds that coldload's own sampling cost during the load"},
    {member<&Record::remarks>("remarks"), "list of text",
     "what else was seen: load of others, counters that disagree"},
    {member<&Record::note>("note"), "text", "the text of `--note`"},
    {member<&Record::gpu_mem_source>("gpu_mem_source"), "text",
     "how `gpu_mem_used_mb` was measured, or why it is not there"},
    {fact<&Facts::id>("experiment"), "text",
     "identity of the experiment: UTC time and random digits"},
    {fact<&Facts::order>("order"), "text", "`random` (randomised blocks), `abba` or `sequential`"},
    {fact<&Facts::runs_rule>("runs_rule"), "text",
     "with `--runs auto`: when it stops, in words; empty for a number of runs that was given"},
    {fact<&Facts::seed>("seed"), "integer", "of the order; with it the order can be had again"},
    {fact<&Facts::cold_policy>("cold_policy"), "text",
     "`--cold`: `verify`, `best-effort` or `off`"},
    {fact<&Facts::drop_caches>("drop_caches"), "true or false",
     "whether all of the machine's page cache was dropped before each cold trial"},
    {fact<&Facts::target>("target"), "text",
     "what loads the checkpoint: `native`, `generic`, a server's name; of several commands all "
     "that "
     "they are, joined by `+`"},
    {fact<&Facts::command>("command"), "list of text",
     "coldload's own command line, to repeat the experiment"},
    {fact<&Facts::arms>("arms"), "list",
     "every arm in the order given: `label`, `path`, `placeholder`, `missing`, `stand_in` (its "
     "rate, and what it delivered), `storage` (device and the disks below, file system, options, "
     "readahead, `hidden_cache`, `unseen_caches`), `floor` (what the path, its page cache, the bus "
     "and the GPU delivered before the first trial: `coldload floor --json`; see floor.md), "
     "`no_floor_reason`; with several commands `start` (`name` of the command, `path`: label of "
     "what is loaded, `command`, `target`, `server`)"},
    {fact<&Facts::same_storage>("same_storage"), "list",
     "pairs of arms that are the same storage: `first`, `second`, `how`"},
    {fact<&Facts::budgets_s>("budgets_s"), "object",
     "seconds that a cold start may take, per use: `dev`, `internal`, `user`"},
    {fact<&Facts::budgets_set_by_user>("budgets_set_by_user"), "list of text",
     "the uses whose budget is not coldload's default"},
    {fact<&Facts::gpu_hour_price>("gpu_hour_price"), "number",
     "what an hour of the GPUs that one server holds costs, as given to `--gpu-hour`"},
    {fact<&Facts::baseline_file>("baseline_file"), "text", "the file given to `--baseline`"},
    {fact<&Facts::baseline>("baseline"), "list", "its figures: `storage_mode`, `load_s`"},
    {fact<&Facts::environment>("environment"), "object",
     "the machine: `os`, `kernel`, `cpu`, `cores`, `memory_bytes`, `gpus`, `gpu_reason`, "
     "`coldload`"},
};

}  // namespace

const std::vector<Field>& fields() { return k_fields; }

std::span<const Field> experiment_fields() {
  static const std::span<const Field> k_last(
      std::find_if(k_fields.begin(), k_fields.end(),
                   [](const Field& field) { return field.member.key == "experiment"; }),
      k_fields.end());
  return k_last;
}

}  // namespace coldload::records
