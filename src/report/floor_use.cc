#include "report/floor_use.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "records/trial_figures.h"
#include "report/dominance.h"
#include "report/terms.h"
#include "report/verdict.h"
#include "report/wording.h"
#include "text/escape.h"
#include "text/json.h"
#include "text/table.h"
#include "text/units.h"

namespace coldload::report {

namespace {

using records::Destination;
using records::Floor;
using text::Align;
using text::format_bytes;
using text::format_rate;
using text::markdown_code;
using text::markdown_text;

bool goes_to_gpu(const records::Record& trial) {
  return records::destination_of(trial) == records::Destination::gpu;
}

// Figures of several trials, as one.
class Spread {
 public:
  void add(double value) { values_.push_back(value); }
  [[nodiscard]] double median() const { return statistics::median(values_); }
  [[nodiscard]] double least() const { return *std::min_element(values_.begin(), values_.end()); }
  [[nodiscard]] double most() const { return *std::max_element(values_.begin(), values_.end()); }
  // "6.1 GB/s", "between 2.0 GB/s and 6.1 GB/s".
  [[nodiscard]] std::string rates() const {
    const auto [least, most] = std::minmax_element(values_.begin(), values_.end());
    const std::string low = format_rate(*least);
    const std::string high = format_rate(*most);
    return low == high ? low : fmt::format("between {} and {}", low, high);
  }

 private:
  std::vector<double> values_;
};

// The cold trials whose experiment measured the arm's floor: each is held against its own.
struct HeldTrials {
  std::vector<std::pair<const records::Record*, const Floor*>> each;
  std::string measured;     // when the floors were
  std::string of_how_many;  // empty: of all
};

HeldTrials held_trials(const Arm& arm) {
  HeldTrials held;
  std::set<std::string> experiments;
  for (const records::Record* trial : arm.cold.trials) {
    const auto floor = arm.floors.find(trial->experiment.id);
    if (floor == arm.floors.end()) continue;
    held.each.emplace_back(trial, &floor->second);
    experiments.insert(trial->experiment.id);
  }
  held.measured =
      experiments.size() > 1 ? "measured before each experiment" : "measured before the first run";
  if (held.each.size() < arm.cold.trials.size()) {
    held.of_how_many = fmt::format(" of the {} of {} with a floor", held.each.size(),
                                   runs(arm.cold.trials.size()));
  }
  return held;
}

// What an arm's cold loads used of their floors.
struct Use {
  Spread efficiency;
  Spread seconds;  // of the weights phase, or of the whole load
  Spread bytes_per_s;
  Spread limit_bytes_per_s;
  bool storage_limits = false;  // any of them
  bool bus_limits = false;      // any of them
  bool given = false;
};

// Nothing where one trial does not tell.
std::optional<Use> use_of(const Comparison& comparison, const HeldTrials& held) {
  Use use;
  for (const auto& [trial, floor] : held.each) {
    const auto weights_s = records::weights_seconds(*trial, comparison.facts.target);
    const auto storage = floor->storage_bytes_per_s();
    if (!trial->efficiency || !weights_s || *weights_s <= 0 || !storage) return std::nullopt;
    const auto bus = goes_to_gpu(*trial) ? floor->gpu.to_gpu_bytes_per_s() : std::nullopt;
    const bool bus_limits = bus && *bus < *storage;
    use.efficiency.add(*trial->efficiency);
    use.seconds.add(*weights_s);
    use.bytes_per_s.add(static_cast<double>(trial->checkpoint_bytes) / *weights_s);
    use.limit_bytes_per_s.add(bus_limits ? *bus : *storage);
    (bus_limits ? use.bus_limits : use.storage_limits) = true;
    use.given = floor->given_bytes_per_s.has_value();
  }
  return held.each.empty() ? std::nullopt : std::optional(std::move(use));
}

// What the efficiency is a share of.
std::string limit_text(const Use& use, const Arm& arm, const HeldTrials& held) {
  const std::string rates = use.limit_bytes_per_s.rates();
  const char* way = arm.facts.stand_in ? "stand-in" : "path";
  if (!use.storage_limits) {
    return fmt::format("the copies to the GPU, at {} ({}), allow", rates, held.measured);
  }
  if (use.bus_limits) {
    return fmt::format("this {} and the copies to the GPU allow, {} ({})", way, rates,
                       held.measured);
  }
  return fmt::format("this {} delivers, {} ({})", way, rates,
                     use.given ? "given, not measured" : held.measured);
}

// Why a load was clearly faster than its floor.
std::string why_more(const Use& use, bool native) {
  if (use.bus_limits && !native) {
    return " That is more than the probe saw: the floor is that of one GPU's bus, and a server on "
           "several GPUs has more.";
  }
  return fmt::format(" That is more than the probe saw: the {} was slower then{}.",
                     use.storage_limits ? "path" : "bus",
                     use.storage_limits ? ", or something cached" : "");
}

// From this share on, something is wrong with the floor and is named.
constexpr double k_clearly_more = 1.1;

std::string share_text(double efficiency) {
  return efficiency > 1 && efficiency <= k_clearly_more ? "all" : percent(efficiency);
}

// "; single runs used 88 % to 122 %", where they differ by more than rounding.
std::string range_of(const Spread& efficiency) {
  constexpr double k_little = 0.03;
  if (efficiency.most() - efficiency.least() < k_little) return "";
  return fmt::format("; single runs used {:.0f} % to {:.0f} %", efficiency.least() * 100,
                     efficiency.most() * 100);
}

std::string use_sentence(const Comparison& comparison, const Arm& arm, const HeldTrials& held) {
  const auto use = use_of(comparison, held);
  if (!use) return "";
  const bool native = loads_only(comparison);
  std::string out = fmt::format(
      "{}: the {} used **{}** of what {}: {} in {} ({}, median{}, measured) are {}{}.",
      markdown_code(arm.facts.label), native ? "loader" : "server",
      share_text(use->efficiency.median()), limit_text(*use, arm, held),
      format_bytes(comparison.checkpoint_bytes), in_seconds(use->seconds.median()),
      native ? "the whole load" : "the weights phase", held.of_how_many,
      format_rate(static_cast<double>(comparison.checkpoint_bytes) / use->seconds.median()),
      range_of(use->efficiency));
  if (use->efficiency.median() > k_clearly_more) out += why_more(*use, native);
  return out;
}

// The native loader creates the GPU's context and pins its ring beside its start and beside the
// reads, from its process's start on: no storage makes that shorter.
std::optional<double> preparation_seconds(const records::Record& trial) {
  const auto start_s = records::phase_seconds(trial, "start");
  const auto context_s = text::number_at(trial.reported, "context_s");
  const auto pin_s = text::number_at(trial.reported, "pin_s");
  if (!start_s || !context_s || !pin_s) return std::nullopt;
  return std::max(*start_s, *context_s + *pin_s);
}

// What no storage makes shorter, but for the copies.
std::optional<double> rest_seconds(const records::Record& trial, bool native) {
  if (native && goes_to_gpu(trial)) return preparation_seconds(trial);
  const auto weights_s = records::phase_seconds(trial, "weights");
  return weights_s ? std::optional(std::max(*trial.load_s - *weights_s, 0.0)) : std::nullopt;
}

std::string infinite_storage_sentence(const Comparison& comparison, const Arm& arm,
                                      const HeldTrials& held) {
  const bool native = loads_only(comparison);
  Spread rest_s;
  Spread rate;
  bool onto_gpu = false;
  for (const auto& [trial, floor] : held.each) {
    const auto rest = rest_seconds(*trial, native);
    onto_gpu = goes_to_gpu(*trial);
    const auto copied =
        onto_gpu ? floor->gpu.to_gpu_bytes_per_s() : floor->reads.page_cache.bytes_per_s;
    if (!rest || !copied) return "";
    rest_s.add(*rest);
    rate.add(*copied);
  }
  if (held.each.empty() || comparison.checkpoint_bytes == 0) return "";
  const double copy_s = static_cast<double>(comparison.checkpoint_bytes) / rate.median();
  const double rest = rest_s.median();
  const bool prepares = native && onto_gpu;
  return fmt::format(
      "{}: with infinitely fast storage you would still wait {}{} (derived): {} {} (median{}, "
      "measured), and {} for {} {} at {} ({}).",
      markdown_code(arm.facts.label), prepares ? "at least " : "about ", in_seconds(rest + copy_s),
      in_seconds(rest),
      prepares ? "for the loader's start or, where that is longer, the GPU's context and pinned "
                 "memory, which are made beside it"
               : "that are no weights phase",
      held.of_how_many, in_seconds(copy_s), format_bytes(comparison.checkpoint_bytes),
      onto_gpu ? "to the GPU" : "from the page cache", rate.rates(), held.measured);
}

std::string rate_cell(std::optional<double> rate) { return rate ? format_rate(*rate) : ""; }

std::string storage_cell(const Floor& floor) {
  if (floor.given_bytes_per_s) return format_rate(*floor.given_bytes_per_s) + " (given)";
  if (floor.memory_backed) return "memory";
  const auto best = floor.reads.best_bytes_per_s();
  if (!best) return "";
  const unsigned in_flight = floor.reads.best_in_flight();
  return fmt::format("{} ({})", format_rate(*best),
                     in_flight == 0 ? "one reader" : fmt::format("{} in flight", in_flight));
}

std::string latency_cell(std::optional<double> seconds) {
  return seconds ? fmt::format("{:.3g} ms", *seconds * 1e3) : "";
}

std::string gpu_sentence(const records::GpuFloor& gpu) {
  if (!gpu.index) return "";
  std::vector<std::string> words;
  if (gpu.context_s) words.push_back("creating its context took " + in_seconds(*gpu.context_s));
  if (gpu.pin_bytes_per_s) {
    words.push_back("host memory is pinned at " + format_rate(*gpu.pin_bytes_per_s));
  }
  if (!gpu.reason.empty()) words.push_back(markdown_text(gpu.reason));
  if (words.empty()) return "";
  return fmt::format("GPU {}{}: {}.\n\n", *gpu.index,
                     gpu.name.empty() ? "" : " (" + markdown_text(gpu.name) + ')', joined(words));
}

}  // namespace

std::vector<std::string> floor_use_of(const Comparison& comparison) {
  std::vector<std::string> sentences;
  for (const Arm& arm : comparison.arms) {
    if (!arm.cold.load_s) continue;
    const HeldTrials held = held_trials(arm);
    // Where weights are read beside the start, infinitely fast storage is not what is missing.
    const bool read_beside = !arm.facts.prefetch_of.empty();
    for (std::string text : {use_sentence(comparison, arm, held),
                             read_beside ? "" : infinite_storage_sentence(comparison, arm, held)}) {
      if (!text.empty()) sentences.push_back(std::move(text));
    }
  }
  return sentences;
}

bool bus_limits(const Comparison& comparison, const Arm& arm) {
  const auto use = use_of(comparison, held_trials(arm));
  return use && use->bus_limits;
}

std::string floor_table(const Comparison& comparison) {
  text::Table table{{{"path"},
                     {"storage, best", Align::right},
                     {"one reader", Align::right},
                     {"4 KiB, median", Align::right},
                     {"4 KiB, p99", Align::right},
                     {"page cache", Align::right},
                     {"host to GPU", Align::right}},
                    {}};
  std::string missing;
  const records::GpuFloor* gpu = nullptr;
  for (const Arm& arm : comparison.arms) {
    const std::string label = markdown_code(arm.facts.label);
    if (!arm.facts.no_floor_reason.empty()) {
      missing += fmt::format("The floor of {} was not measured: {}\n\n", label,
                             sentence(markdown_text(arm.facts.no_floor_reason)));
    }
    if (!arm.facts.floor) continue;
    const Floor& floor = *arm.facts.floor;
    if (gpu == nullptr) gpu = &floor.gpu;
    table.rows.push_back(
        {label, storage_cell(floor), rate_cell(floor.reads.sequential.bytes_per_s),
         latency_cell(floor.reads.latency.median_s), latency_cell(floor.reads.latency.p99_s),
         rate_cell(floor.reads.page_cache.bytes_per_s), rate_cell(floor.gpu.to_gpu_bytes_per_s())});
    if (!floor.storage_bytes_per_s() && !floor.reads.sequential.reason.empty()) {
      missing += fmt::format("The storage of {} was not measured: {}\n\n", label,
                             sentence(markdown_text(floor.reads.sequential.reason)));
    }
    for (const std::string& remark : floor.remarks) {
      missing += fmt::format("{}: {}\n\n", label, sentence(markdown_text(remark)));
    }
  }
  if (table.rows.empty()) return missing;
  std::string out = fmt::format(
      "What each path delivered {} (`coldload floor`):\n\n{}\n",
      comparison.experiments.size() > 1 ? "when it was last measured" : "before the first run",
      text::markdown_table(table));
  if (gpu != nullptr) out += gpu_sentence(*gpu);
  return out + missing;
}

}  // namespace coldload::report
