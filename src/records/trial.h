// What a report needs to know of one record: small, for there may be very many.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "records/experiment.h"
#include "records/record.h"
#include "records/text_pool.h"
#include "records/timeline.h"

namespace coldload::records {

// Where a record's line lies in the files that were read.
struct LinePlace {
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;  // without its line end; 0: it was not read from a file
  std::uint32_t file = 0;   // index
};

// A Phase, and what of the timeline is in it.
struct TrialPhase {
  std::string_view name;
  double start_s = 0;
  double end_s = 0;
  std::optional<double> cpu_s;  // of the processes in it; nothing where the timeline does not tell
};

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
  std::optional<double> floor_s;
  std::optional<double> efficiency;
  std::optional<double> first_token_s;
  std::optional<double> copy_s;
  std::span<const TrialPhase> phases;
  std::optional<double> unattributed_s;
  Reported reported;
  Texts remarks;
  std::string_view note;
};

// `experiment` and `place` are the caller's to set.
[[nodiscard]] Trial trial_of(const Record& record, TextPool* texts);

}  // namespace coldload::records
