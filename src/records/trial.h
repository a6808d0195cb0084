// What a report needs to know of one record: small, for there may be very many.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "records/experiment.h"
#include "records/record.h"
#include "records/text_pool.h"
#include "records/trial_phases.h"

namespace coldload::records {

// What is told in Record::reported and spoken of; nothing where it is not there.
struct Reported {
  std::optional<std::string_view> destination;     // "gpu", else host memory
  std::optional<std::string_view> version;         // of the server
  std::optional<std::string_view> file_system;     // that the server saw
  std::optional<std::string_view> prefetch;        // what the server said of it
  std::optional<std::string_view> not_read_ahead;  // k_not_read_ahead_key
  std::optional<double> context_s;
  std::optional<double> pin_s;
  bool compile_cache = false;  // whether it tells that graphs came from the cache
  bool compile_s = false;      // whether it tells how long compiling them took
};

// A StartSetGroup's members of the same names.
struct TrialStartGroup {
  std::string_view group;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::optional<std::uint64_t> resident_bytes_before;
  std::optional<std::uint64_t> held_bytes;
  std::optional<std::uint64_t> came_bytes;
  std::string_view mount;
  std::string_view fs_type;
  bool is_network = false;
};

// A Record's HerdFacts, and which herd it was: Record::position.
struct TrialHerd {
  std::uint64_t position = 0;
  std::uint64_t size = 0;
  std::uint64_t per_node = 1;
  std::uint64_t node = 0;  // with one server on each, its rank
  std::uint64_t rank = 0;
  std::string_view host;
  std::optional<double> launch_skew_s;
  std::optional<double> stagger_s;
};

// A Record's members of the same names. Texts and lists are held by the Dataset.
struct Trial {
  const Experiment* experiment = nullptr;
  LinePlace place;

  std::uint64_t run_id = 0;
  std::string_view started_at;
  std::string_view arm;
  std::string_view storage_mode;
  std::string_view path;
  std::string_view model;
  std::optional<std::uint64_t> max_model_len;

  Status status = Status::ok;
  Cold cold = Cold::unknown;
  std::optional<Layer> layer;
  const TrialHerd* herd = nullptr;  // null: it was launched alone
  std::string_view reason;
  std::optional<double> load_s;
  std::optional<double> gpu_mem_used_mb;
  std::string_view gpu_mem_source;
  Texts argv;
  std::string_view log_file;

  std::uint64_t checkpoint_bytes = 0;
  std::string_view tensors_hash;
  std::optional<std::uint64_t> resident_bytes_before;
  std::optional<std::uint64_t> storage_bytes_read;
  std::string_view storage_bytes_source;
  std::optional<Caches> caches;
  std::optional<std::uint64_t> caches_written_files;
  std::optional<std::uint64_t> caches_written_bytes;
  std::span<const TrialStartGroup> start_set;  // empty: not known
  std::optional<double> floor_s;
  std::optional<double> efficiency;
  std::optional<double> first_token_s;
  std::optional<double> copy_s;
  TrialPhases phases;
  std::optional<double> unattributed_s;
  Reported reported;
  Texts remarks;
  bool has_note = false;  // see Dataset::note_of
};

// `experiment` and `place` are the caller's to set.
[[nodiscard]] Trial trial_of(const Record& record, TextPool* texts);

}  // namespace coldload::records
