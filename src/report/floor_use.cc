#include "report/floor_use.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "measure/arm_floor.h"
#include "report/dominance.h"
#include "report/verdict.h"
#include "report/wording.h"
#include "text/escape.h"
#include "text/table.h"
#include "text/units.h"

namespace coldload::report {

namespace {

using measure::Destination;
using measure::Floor;
using text::Align;
using text::format_bytes;
using text::format_rate;
using text::markdown_code;
using text::markdown_text;

Destination destination_of(const Mode& mode) {
  return std::any_of(mode.trials.begin(), mode.trials.end(),
                     [](const measure::Record* trial) {
                       return measure::destination_of(*trial) == Destination::gpu;
                     })
             ? Destination::gpu
             : Destination::host;
}

// What an arm's cold loads used of their floor. Nothing where one trial does not tell.
struct Use {
  double efficiency = 0;  // medians
  double seconds = 0;     // of the weights phase, or of the whole load
  double bytes_per_s = 0;
};

std::optional<Use> use_of(const Comparison& comparison, const Arm& arm) {
  std::vector<double> efficiencies;
  std::vector<double> seconds;
  std::vector<double> rates;
  for (const measure::Record* trial : arm.cold.trials) {
    const auto weights_s = measure::weights_seconds(*trial, comparison.facts.target);
    if (!trial->efficiency || !weights_s || *weights_s <= 0) return std::nullopt;
    efficiencies.push_back(*trial->efficiency);
    seconds.push_back(*weights_s);
    rates.push_back(static_cast<double>(trial->checkpoint_bytes) / *weights_s);
  }
  if (efficiencies.empty()) return std::nullopt;
  return Use{measure::median(efficiencies), measure::median(seconds), measure::median(rates)};
}

std::string use_sentence(const Comparison& comparison, const Arm& arm, const Floor& floor) {
  const auto use = use_of(comparison, arm);
  const auto storage = floor.storage_bytes_per_s();
  if (!use || !storage) return "";
  const auto bus =
      destination_of(arm.cold) == Destination::gpu ? floor.gpu.to_gpu_bytes_per_s() : std::nullopt;
  const bool bus_limits = bus && *bus < *storage;
  const std::string limit =
      bus_limits
          ? fmt::format("the copies to the GPU, at {} (measured before the first run), allow",
                        format_rate(*bus))
          : fmt::format(
                "this {} delivers, {} ({})", arm.facts.stand_in ? "stand-in" : "path",
                format_rate(*storage),
                floor.given_bytes_per_s ? "given, not measured" : "measured before the first run");
  const bool native = loads_only(comparison);
  std::string out = fmt::format(
      "{}: the {} used **{}** of what {}: {} in {} ({}, median, measured) are {}.",
      markdown_code(arm.facts.label), native ? "loader" : "server", percent(use->efficiency), limit,
      format_bytes(comparison.checkpoint_bytes), in_seconds(use->seconds),
      native ? "the whole load" : "the weights phase", format_rate(use->bytes_per_s));
  constexpr double k_clearly_more = 1.1;
  if (use->efficiency > k_clearly_more) {
    out += " That is more than the probe saw: the path was slower then, or something cached.";
  }
  return out;
}

std::string infinite_storage_sentence(const Comparison& comparison, const Arm& arm,
                                      const Floor& floor) {
  std::vector<double> rest_s;
  for (const measure::Record* trial : arm.cold.trials) {
    const auto weights_s = phase_seconds(*trial, "weights");
    if (!weights_s) return "";
    rest_s.push_back(std::max(*trial->load_s - *weights_s, 0.0));
  }
  const bool onto_gpu = destination_of(arm.cold) == Destination::gpu;
  const auto rate = onto_gpu ? floor.gpu.to_gpu_bytes_per_s() : floor.reads.page_cache.bytes_per_s;
  if (rest_s.empty() || !rate || comparison.checkpoint_bytes == 0) return "";
  const double copy_s = static_cast<double>(comparison.checkpoint_bytes) / *rate;
  const double rest = measure::median(rest_s);
  return fmt::format(
      "{}: with infinitely fast storage you would still wait {} (derived): {} that are no weights "
      "phase (median, measured), and {} for {} {} at {} (measured before the first run).",
      markdown_code(arm.facts.label), in_seconds(rest + copy_s), in_seconds(rest),
      in_seconds(copy_s), format_bytes(comparison.checkpoint_bytes),
      onto_gpu ? "to the GPU" : "from the page cache", format_rate(*rate));
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

std::string gpu_sentence(const measure::GpuFloor& gpu) {
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
    if (!arm.cold.load_s || !arm.facts.floor) continue;
    for (std::string text : {use_sentence(comparison, arm, *arm.facts.floor),
                             infinite_storage_sentence(comparison, arm, *arm.facts.floor)}) {
      if (!text.empty()) sentences.push_back(std::move(text));
    }
  }
  return sentences;
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
  const measure::GpuFloor* gpu = nullptr;
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
  std::string out = "What each path delivered before the first run (`coldload floor`):\n\n" +
                    text::markdown_table(table) + '\n';
  if (gpu != nullptr) out += gpu_sentence(*gpu);
  return out + missing;
}

}  // namespace coldload::report
