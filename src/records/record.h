// What one trial leaves behind: a plain record with units. fields.h has its one list for CSV and
// JSON.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe/enum.hpp>

#include "records/floor.h"
#include "records/start_set.h"
#include "text/json.h"

namespace coldload::records {

// How a trial ended. The records have it, and what is cold, by these names.
enum class Status { ok, not_cold, failed, timed_out, interrupted };
BOOST_DESCRIBE_ENUM(Status, ok, not_cold, failed, timed_out, interrupted)

// What may be said about the page cache in a trial (docs/cold.md).
enum class Cold { verified, not_cold, unknown, not_applicable, warm, off };
BOOST_DESCRIBE_ENUM(Cold, verified, not_cold, unknown, not_applicable, warm, off)

// What a start found in the server's runtime caches, and whether it wrote more there
// (docs/cold.md).
enum class Caches { hit, filled, mixed, none };
BOOST_DESCRIBE_ENUM(Caches, hit, filled, mixed, none)

[[nodiscard]] std::string_view to_string(Status status);
[[nodiscard]] std::string_view to_string(Cold cold);
[[nodiscard]] std::string_view to_string(Caches caches);
[[nodiscard]] std::string_view to_string(Layer layer);

// A span of a trial, in seconds since launch.
struct Phase {
  std::string name;  // start, weights, compile, profile, kv_cache, graphs, http
  double start_s = 0;
  double end_s = 0;
  std::string source;  // where the figure comes from: "log", "loader"
};

// A rate-shaped stand-in for a network mount, and what it was measured to deliver.
struct StandInFacts {
  std::string spec;    // as the user wrote it: "250MB/s,1ms"
  std::string method;  // "fuse": a mount; "reader": the native loader's reads are shaped directly
  double rate_bytes_per_s = 0;
  double latency_s = 0;
  std::optional<double> delivered_read_bytes_per_s;  // to one reader with read(2); measured
  std::optional<double> delivered_mmap_bytes_per_s;  // to one reader through mmap; measured
  std::optional<std::uint64_t> readahead_bytes;      // of the mount
};

// One way to start of several (--command): what an arm's path is measured with.
struct StartFacts {
  std::string name;        // "auto"
  std::string path_label;  // "nvme": what this arm and those with other commands have in common
  std::vector<std::string> command;  // its words, {model} and the like in them
  std::string target;                // the server that it is
  text::json::object server;  // as ExperimentFacts::environment has it where there is one command
};

// One arm of the experiment: a label, the path behind it, and how it is started where that differs.
struct ArmFacts {
  std::string label;         // "nvme"; with several commands "nvme_auto"
  std::string path;          // as given, made absolute; empty for a placeholder
  bool placeholder = false;  // the path is still to come
  std::string missing;       // for a placeholder: what is missing, in words
  std::optional<StandInFacts> stand_in;
  std::string staged_from;      // of a staged arm: the label that it is a copy of
  std::string prefetch_of;      // of an arm whose weights `coldload run` reads beside the start:
                                // the label of the same path without it
  text::json::object storage;   // what is behind the path: `inspect --json`'s "storage"
  std::optional<Floor> floor;   // what the path delivered before the first trial
  std::string no_floor_reason;  // why it was wanted and is not there
  std::optional<StartFacts> start;  // nothing where there is one command
};

// Two arms that are the same storage: what differs between them is not storage.
struct SameStorage {
  std::string first;  // labels; empty where a record of another version does not tell them
  std::string second;
  std::string how;  // "the same storage: they lie on the same file system (ext4 at /)"
  bool operator==(const SameStorage&) const = default;
};
// "nvme and net are the same storage: both lie on vda"
[[nodiscard]] std::string to_string(const SameStorage& pair);

// A load time measured earlier, from --baseline.
struct BaselineFigure {
  std::string storage_mode;
  double load_s = 0;
};

// In Record::reported of a trial that `coldload run` started: why it read nothing ahead, where it
// did not.
inline constexpr const char* k_not_read_ahead_key = "not_read_ahead";

// What is the same for every trial of one experiment. Repeated in each record, so that a report
// can be written from the records alone.
struct ExperimentFacts {
  std::string id;     // unique: UTC time and random digits
  std::string order;  // random, abba, sequential
  std::uint64_t seed = 0;
  std::string runs_rule;    // how the number of runs came about; empty: it was given
  std::string cold_policy;  // verify, best-effort, off
  bool drop_caches = false;
  // "native", "generic", "vllm", ...; of several commands all that they are, joined by "+".
  std::string target;
  std::vector<std::string> command;  // coldload's own command line, to repeat it
  std::vector<ArmFacts> arms;        // in the order given
  std::vector<SameStorage> same_storage;
  std::map<std::string, double> budgets_s;       // use (dev, internal, user) -> seconds
  std::vector<std::string> budgets_set_by_user;  // the uses whose budget is not our default
  std::optional<double> gpu_hour_price;          // of the GPUs that one server holds
  std::string baseline_file;
  std::vector<BaselineFigure> baseline;
  text::json::object environment;  // GPU, OS, kernel, CPU, memory, coldload's version
};

// One server's part of a herd: servers that are launched at the same moment on several nodes. Each
// has a record; those of one trial have its `position` in common.
struct HerdFacts {
  std::uint64_t size = 0;  // nodes that launched one, or `per_node` of them
  std::uint64_t rank = 0;  // of this one among all that there are
  std::string host;
  std::optional<double> launch_skew_s;  // launched that much later than the first of them
  std::optional<double> stagger_s;      // and was to be, than the one before; nothing: at once
  std::optional<double> clock_error_s;  // by how much that may be wrong
  // Where each node launched several, which share a page cache and were judged as one: how many,
  // and the number of this one's node among all that there are. Nothing: one each.
  std::optional<std::uint64_t> per_node = {};
  std::optional<std::uint64_t> node = {};
};

struct Record {
  ExperimentFacts experiment;

  std::uint64_t run_id = 0;  // 0 until Results has numbered it
  std::string started_at;    // UTC, for people
  std::string arm;           // label of the arm: "nvme", also for its warm trials
  std::string storage_mode;  // CSV label: "nvme", "nvme_warm"
  std::string path;          // what the target was given as {model}
  std::string model;
  std::optional<std::uint64_t> max_model_len;
  std::uint64_t block = 0;     // 1-based position of the block in the order
  std::uint64_t position = 0;  // 1-based position of the trial in the whole run

  Status status = Status::ok;
  std::string reason;  // plain words; empty only for status ok with nothing to say
  Cold cold = Cold::unknown;
  std::optional<Layer> layer;             // nothing: its record is from before layers were told
  std::optional<HerdFacts> herd;          // nothing: it was launched alone
  std::optional<double> load_s;           // launch -> ready as measured, whatever the status
  std::optional<double> gpu_mem_used_mb;  // MiB, as nvidia-smi counts, at ready
  std::string gpu_mem_source;             // method, or why there is no figure
  std::vector<std::string> argv;          // what was launched
  std::string log_file;                   // the server's output, relative to the out directory

  std::uint64_t checkpoint_bytes = 0;  // the weight files' sizes
  std::string tensors_hash;            // of which tensors these files have; empty: not known
  std::optional<std::uint64_t>
      resident_bytes_before;                          // of all checkpoint files, just before launch
  std::optional<std::uint64_t> resident_bytes_after;  // of the weight files, at ready
  std::optional<std::uint64_t> storage_bytes_read;    // during the load
  std::string storage_bytes_source;  // the counter: "block_device", "process_tree", "stand_in",
                                     // "nfs_mountstats", or "" with the reason in `reason`
  std::optional<Caches> caches;      // nothing: not known, as are the counts then
  std::optional<std::uint64_t> caches_files;          // there before launch
  std::optional<std::uint64_t> caches_bytes;          // theirs
  std::optional<std::uint64_t> caches_written_files;  // launch -> ready
  std::optional<std::uint64_t> caches_written_bytes;
  std::optional<StartSetFacts> start_set;  // where layers beyond the weights are measured
  std::optional<double> spawn_s;           // launch -> the server's program has been started
  std::optional<double> port_open_s;       // launch -> the first connection that was accepted
  std::optional<double> floor_s;
  std::optional<double> efficiency;
  std::optional<double> first_token_s;
  std::optional<double> copy_s;
  std::vector<Phase> phases;
  std::optional<double> unattributed_s;
  text::json::object reported;          // what the target itself reported, unchanged
  text::json::array timeline;           // measure/timeline.h
  std::optional<double> sampler_cpu_s;  // what coldload's own sampling cost during the load
  std::vector<std::string> remarks;     // confounds seen: load of others, counters that disagree
  std::string note;                     // the user's --note
};

}  // namespace coldload::records
