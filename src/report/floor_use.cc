#include "report/floor_use.h"

#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "findings/floor_use.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

using findings::FloorUse;
using findings::HeldToFloor;
using records::Floor;

// "6.1 GB/s", "between 2.0 GB/s and 6.1 GB/s".
std::string rates_text(const statistics::Summary& rates) {
  const std::string low = format_rate(rates.min);
  const std::string high = format_rate(rates.max);
  return low == high ? low : fmt::format("between {} and {}", low, high);
}

// When the floors were measured.
const char* when_measured(const HeldToFloor& held) {
  return held.experiments > 1 ? "measured before each experiment" : "measured before the first run";
}

// Empty: of all.
std::string of_how_many(const Arm& arm, const HeldToFloor& held) {
  const std::size_t all = arm.cold.trials.size();
  return held.trials == all ? ""
                            : fmt::format(" of the {} of {} with a floor", held.trials, runs(all));
}

// What the efficiency is a share of.
std::string limit_text(const FloorUse& use, const Arm& arm, const HeldToFloor& held) {
  const std::string rates = rates_text(use.limit_bytes_per_s);
  const char* way = arm.facts.stand_in ? "stand-in" : "path";
  if (!use.storage_limits) {
    return fmt::format("the copies to the GPU, at {} ({}), allow", rates, when_measured(held));
  }
  if (use.bus_limits) {
    return fmt::format("this {} and the copies to the GPU allow, {} ({})", way, rates,
                       when_measured(held));
  }
  return fmt::format("this {} delivers, {} ({})", way, rates,
                     use.given ? "given, not measured" : when_measured(held));
}

// From this share on, something is wrong with the floor and is named.
constexpr double k_clearly_more = 1.1;

std::string share_text(double efficiency) { return efficiency > 1 ? "all" : percent(efficiency); }

// Why a load was clearly faster than its floor, which is no share of it then.
std::string why_faster(const FloorUse& use, bool native) {
  if (use.bus_limits && !native) {
    return "The floor is that of one GPU's bus, and a server on several GPUs has more.";
  }
  return use.storage_limits
             ? "The path was slower when it was probed, or something cached (a hypervisor, a "
               "drive). A burst like that allows no share."
             : "The bus was slower when it was probed, which allows no share.";
}

// " Single runs used 88 % to 97 %.", where they differ by more than rounding. One that was faster
// than the probe used no share of what that saw.
std::string range_of(const statistics::Summary& efficiency) {
  constexpr double k_little = 0.03;
  if (efficiency.max - efficiency.min < k_little) return "";
  const std::string low = share_text(efficiency.min);
  return efficiency.max > 1
             ? fmt::format(" Single runs used from {} on; some were faster than the probe.", low)
             : fmt::format(" Single runs used {} to {}.", low, percent(efficiency.max));
}

std::string use_sentence(const Comparison& comparison, const Arm& arm, const HeldToFloor& held) {
  const auto& use = held.use;
  if (!use) return "";
  const bool native = loads_only(comparison);
  const char* const who = native ? "loader" : "server";
  const std::string rate =
      format_rate(static_cast<double>(arm.checkpoint_bytes) / use->seconds.median);
  const std::string measured =
      fmt::format("{} came in {}, at {} ({}, median{})", format_bytes(arm.checkpoint_bytes),
                  in_seconds(use->seconds.median), rate,
                  native ? "the whole load" : "the weights phase", of_how_many(arm, held));
  const std::string limit = limit_text(*use, arm, held);
  if (use->efficiency.median > k_clearly_more) {
    return fmt::format("{}: the {} read at **{}**, faster than {}. {}. {}", name_of(arm), who, rate,
                       limit, measured, why_faster(*use, native));
  }
  return fmt::format("{}: the {} used **{}** of what {}. {}.{}", name_of(arm), who,
                     share_text(use->efficiency.median), limit, measured,
                     range_of(use->efficiency));
}

// Where a server's starts from memory, too, took longer than what was derived.
std::string but_measured(const Comparison& comparison, const Arm& arm, double derived_s) {
  const auto& warm = arm.warm.load_s;
  if (loads_only(comparison) || !warm || warm->min <= derived_s) return "";
  if (findings::reads_past_memory(arm.warm)) return "";  // storage is in it
  return fmt::format(" Measured with the weights in memory: {}.", with_runs(*warm));
}

std::string infinite_storage_sentence(const Comparison& comparison, const Arm& arm,
                                      const HeldToFloor& held) {
  const auto& without = held.without_storage;
  if (!without || arm.checkpoint_bytes == 0) return "";
  const double bytes = static_cast<double>(arm.checkpoint_bytes);
  const double copy_s = bytes / without->copy_bytes_per_s.median;
  const double rest = without->rest_s;
  const bool prepares = loads_only(comparison) && without->onto_gpu;
  return fmt::format(
      "{}: infinitely fast storage would still leave {}{} (derived): {} {} (median{}), and {} for "
      "{} {} at {} ({}).{}",
      name_of(arm), prepares ? "at least " : "about ", in_seconds(rest + copy_s), in_seconds(rest),
      prepares
          ? "for the loader's start or, where that is longer, the GPU's context and pinned memory"
          : "outside the weights phase",
      of_how_many(arm, held), in_seconds(copy_s), format_bytes(arm.checkpoint_bytes),
      without->onto_gpu ? "to the GPU" : "from the page cache",
      rates_text(without->copy_bytes_per_s), when_measured(held),
      but_measured(comparison, arm, rest + copy_s));
}

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
  if (gpu.context_s)
    words.push_back(fmt::format("its context took {} to create", in_seconds(*gpu.context_s)));
  if (gpu.pin_bytes_per_s) {
    words.push_back("host memory was pinned at " + format_rate(*gpu.pin_bytes_per_s));
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
    const HeldToFloor held = findings::held_to_floor(comparison, arm);
    // Where weights are read beside the start, infinitely fast storage is not what is missing.
    const bool read_beside = !arm.facts.prefetch_of.empty();
    sentences.push_back(use_sentence(comparison, arm, held));
    if (!read_beside) sentences.push_back(infinite_storage_sentence(comparison, arm, held));
  }
  std::erase(sentences, "");
  return sentences;
}

std::string floor_table(const Comparison& comparison) {
  Table table = table_of({"path"}, {"storage, best", "one reader", "4 KiB, median", "4 KiB, p99",
                                    "page cache", "host to GPU"});
  std::string missing;
  const auto not_measured = [&missing](const std::string& what, const std::string& reason) {
    if (reason.empty()) return;
    missing += fmt::format("{} was not measured: {}\n\n", what, sentence(markdown_text(reason)));
  };
  const records::GpuFloor* gpu = nullptr;
  for (const Arm& arm : comparison.arms) {
    const std::string label = name_of(arm);
    not_measured("The floor of " + label, arm.facts.no_floor_reason);
    if (!arm.facts.floor) continue;
    const Floor& floor = *arm.facts.floor;
    if (gpu == nullptr) gpu = &floor.gpu;
    table.rows.push_back(
        {label, storage_cell(floor), rate_cell(floor.reads.sequential.bytes_per_s),
         latency_cell(floor.reads.latency.median_s), latency_cell(floor.reads.latency.p99_s),
         rate_cell(floor.reads.page_cache.bytes_per_s), rate_cell(floor.gpu.to_gpu_bytes_per_s())});
    if (!floor.storage_bytes_per_s()) {
      not_measured("The storage of " + label, floor.reads.sequential.reason);
    }
    for (const std::string& remark : floor.remarks) {
      missing += fmt::format("{}: {}\n\n", label, sentence(markdown_text(remark)));
    }
  }
  if (table.rows.empty()) return missing;
  std::string out = fmt::format(
      "What each path delivered {} (`coldload floor`):\n\n{}\n",
      comparison.experiments.size() > 1 ? "when it was last measured" : "before the first run",
      markdown_table(table));
  if (gpu != nullptr) out += gpu_sentence(*gpu);
  return out + missing;
}

}  // namespace coldload::report
