// What the records say, as numbers: per arm and between arms. No sentence is made here.
//
// Layer: findings. Knows no word of a report.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "findings/contrast.h"
#include "findings/storage_share.h"
#include "records/dataset.h"
#include "records/record.h"
#include "statistics/statistics.h"

namespace coldload::findings {

using Trials = std::vector<const records::Trial*>;

// The trials of one storage mode that carry a time: status ok and a load_s.
struct Mode {
  std::string label;  // "nvme", "nvme_warm", "staged_hot"
  Trials trials;      // in run order
  std::vector<double> values_s;
  std::optional<statistics::Summary> load_s;
  std::optional<double> load_rate_bytes_per_s;     // checkpoint bytes / median load_s
  std::optional<double> storage_rate_bytes_per_s;  // median of storage bytes read / load_s
  std::optional<double> gpu_mem_mib;               // median
  std::optional<double> first_token_s;             // median, of a request after ready
};

struct Arm {
  records::ArmFacts facts;  // the latest; its floor is the latest measured one
  Mode cold;                // the trials that the comparison is about
  Mode warm;  // of mode "<label>_warm", of a staged arm "<label>_hot": resident before launch
  // Cold, by coldload's own loader from this path on this machine: what a server could reach for
  // its weights. Of another comparison of the same records; nothing where this is that loader.
  std::optional<statistics::Summary> native_load_s;
  std::uint64_t checkpoint_bytes = 0;  // the largest on record, else the comparison's
  std::vector<Mode> other_modes;       // whatever else was measured on this arm
  Trials left_out;                     // trials of any mode that carry no usable time
  std::map<records::Cold, std::size_t> cold_verdicts;  // of all trials of the arm's own mode
  std::vector<std::size_t> outliers;                   // indices into cold.trials
  std::optional<statistics::Trend> trend;              // of cold.values_s over the run order
  std::optional<std::size_t> lower_cluster;            // see statistics::lower_cluster
  std::optional<StorageShare> share;  // nothing where there is no cold or no warm run
  bool is_other_command = false;      // of several commands, not the first

  // Cold, warm and the others, also those without a trial.
  [[nodiscard]] std::vector<const Mode*> modes() const;
  // Whether there is a cold time; for a path still to come there is none yet.
  [[nodiscard]] bool is_measured() const { return cold.load_s.has_value(); }
  [[nodiscard]] bool is_open() const { return facts.placeholder && !is_measured(); }
  // Whether it is a path as it is: neither a copy made for the experiment nor another way to start.
  [[nodiscard]] bool is_plain() const {
    return facts.staged_from.empty() && facts.prefetch_of.empty() && !is_other_command;
  }
  // Measured otherwise, and no cold trial was made: what was measured, in order; else empty.
  [[nodiscard]] std::vector<const Mode*> instead_of_cold() const;
  // Whether every usable cold trial was verified to be cold.
  [[nodiscard]] bool is_verified() const;

  // Cold median less warm median. Negative where warm was slower. What of it is storage, and
  // whether that is shown: `share`.
  [[nodiscard]] std::optional<double> cold_less_warm_s() const;
};

// How cold these trials began, as the first of them says; nothing where it has none, or its record
// is from before layers were told.
[[nodiscard]] std::optional<records::Layer> layer_of(const Mode& mode);

// Whether most of the weights came from storage in these trials, which began with them in memory:
// they were read past the page cache, and cold less warm says nothing.
[[nodiscard]] bool reads_past_memory(const Mode& warm);

// The trial in the middle by load time (of two the faster one); null where there is none.
[[nodiscard]] const records::Trial* median_trial(const Mode& mode);

// Whether `mode` of a staged arm has the trials that began straight after the copy.
[[nodiscard]] bool is_after_copy(const Arm& arm, const Mode& mode);

// One of several servers of a node: the bytes that it tells are the node's, its seconds its own.
[[nodiscard]] bool is_one_of_several(const records::Trial& trial);

// What a stand-in's rate says its load time must be.
struct Expectation {
  std::size_t arm = 0;
  std::string basis;  // "named", "delivered to read", "delivered to mmap"
  double rate_bytes_per_s = 0;
  double load_s = 0;             // checkpoint bytes / rate, with what `rest_s` adds
  std::optional<double> rest_s;  // what else a load takes; nothing where it is not known
  std::optional<double> ratio;   // over the median of the first arm with one; not of a bound
};

struct Comparison {
  records::ExperimentFacts facts;        // of the latest experiment
  std::vector<std::string> experiments;  // ids of those pooled here
  std::vector<records::Texts> commands;  // theirs, as far as they are on record
  std::string model;
  std::string note;  // the first that a trial has
  std::optional<std::uint64_t> max_model_len;
  std::uint64_t checkpoint_bytes = 0;  // the largest of all arms; 0 for unknown
  std::vector<Arm> arms;               // in the order given; placeholders too
  std::size_t reference = 0;           // the first path that was measured; 0 where none was
  std::vector<Contrast> contrasts;     // every later arm against it; ratio where both were measured
  std::vector<Expectation> expectations;
  Trials trials;                // all of this comparison, in order
  bool run_ids_repeat = false;  // as those of several files do
  // Of the latest: how many comparisons of earlier experiments were not made (see compare()).
  std::size_t not_made = 0;

  // The first arm whose path is not still to come, measured or not: what "ratio" is over.
  [[nodiscard]] std::size_t first_there() const;
  // The arm that "ratio" is of: the next path there is, else the next arm; nothing where there is
  // none.
  [[nodiscard]] std::optional<std::size_t> second_there() const;
  // Null where the arm is not held against the reference.
  [[nodiscard]] const Contrast* contrast_of_arm(std::size_t arm) const;
};

// Median rate at which storage delivered while the weights were read; nothing where they were not
// read from storage then, or the target does not tell when it read them.
[[nodiscard]] std::optional<double> reading_rate_of(const Comparison& comparison, const Arm& arm,
                                                    const Mode& mode);

// The arm `second` against `first`, by their cold trials. All ways to start from one path are
// looked at together: the fastest of several is partly the luckiest.
[[nodiscard]] Contrast contrast_of(const Comparison& comparison, std::size_t first,
                                   std::size_t second);

}  // namespace coldload::findings
