// What the user asked for: one experiment, before anything is looked at.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "measure/run_count.h"
#include "measure/schedule.h"
#include "records/record.h"
#include "stand_in/pace.h"
#include "text/redact.h"

namespace coldload::measure {

enum class ColdPolicy {
  verify,       // a trial that is not verifiably cold has no load_s
  best_effort,  // it keeps it, and says what it is
  off,          // no eviction, no verdict
};

[[nodiscard]] std::optional<ColdPolicy> parse_cold_policy(std::string_view text);
[[nodiscard]] std::string_view to_string(ColdPolicy policy);

// "250MB/s,1ms" of --stand-in LABEL=...
struct StandInRequest {
  std::string spec;
  stand_in::Pace pace;
};

struct ArmRequest {
  std::string label;
  std::string path;     // empty for a placeholder
  std::string missing;  // for a placeholder: what is missing, in words
  std::optional<StandInRequest> stand_in;
  std::string weights = {};            // which files are its weights, as a pattern; empty: guessed
  std::vector<std::string> also = {};  // what else the target loads: files and folders
};

// --stage: one more arm, a copy of another one on faster storage.
struct StagedArmRequest {
  std::string source_label;
  std::string destination;  // must not exist
  bool keep = false;        // the last copy stays
};

// hyperfine's meaning: the user's own line, run by `sh -c` with COLDLOAD_ARM and COLDLOAD_PATH set.
struct Hooks {
  std::string setup;    // once per arm, before anything is measured
  std::string prepare;  // before each trial's eviction
  std::string cleanup;  // once per arm, at the end
  std::chrono::nanoseconds limit = std::chrono::hours(1);  // longest time of each
};

// A way to start a server, or the native loader.
struct StartRequest {
  std::string name;                  // of --command; empty: the only one
  std::vector<std::string> command;  // its words, {model} and the like in them
  Hooks hooks;                       // around its runs
  std::optional<std::uint64_t> max_model_len;
};

struct Plan {
  std::vector<ArmRequest> arms;  // paths
  // Each path is measured with each of them: at least one, and only one without a name.
  std::vector<StartRequest> starts = std::vector<StartRequest>(1);
  std::optional<StagedArmRequest> stage;
  std::vector<std::string> prefetch;  // labels of arms: one more each, started by `coldload run`
  RunCount count;
  std::uint64_t warm_runs = 1;
  std::uint64_t node_runs = 0;
  std::uint64_t first_runs = 0;
  std::uint64_t warm_up_runs = 0;
  Order order = Order::random;
  std::uint64_t seed = 0;
  ColdPolicy cold = ColdPolicy::verify;
  bool drop_caches = false;
  bool ignore_failure = false;
  bool is_of_herd = false;   // other nodes measure the same files in step with this one
  bool first_token = false;  // ask for one after ready
  bool timeline = true;    // sample the load (measure/timeline.h); evidence is gathered either way
  bool floor = true;       // measure what each path delivers before the first trial
  std::string model_name;  // empty: the first checkpoint's name
  std::string note;
  std::string out_directory;
  records::ExperimentFacts facts;  // so far: the command line, budgets, price and baseline
  text::Redactor secrets;          // taken out of whatever is written or shown
  std::string version;
  std::string commit;

  // Whether more than the weights is brought out of memory in some runs.
  [[nodiscard]] bool has_deeper_layers() const { return node_runs > 0 || first_runs > 0; }
};

}  // namespace coldload::measure
