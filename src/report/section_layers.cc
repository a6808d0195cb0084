// What each layer of cold costs on each path, and what of the start came from where.
#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "findings/layers.h"
#include "report/layer_claims.h"
#include "report/sections.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

using findings::LayersOfArm;
using findings::LayerStep;

std::vector<std::string> row_of(const Comparison& comparison, const LayersOfArm& layers,
                                std::size_t index) {
  const findings::MeasuredLayer& layer = layers.layers[index];
  const statistics::Summary& load = *layer.mode->load_s;
  std::vector<std::string> row{name_of(comparison.arms[layers.arm]),
                               what_is_cold(layer.layer),
                               fmt::format("{}", load.n),
                               fmt::format("**{}**", in_seconds(load.median)),
                               load.n > 1 ? in_seconds({load.min, load.max}) : "",
                               "",
                               "",
                               ""};
  if (index == 0) return row;
  const Contrast& contrast = layers.steps[index - 1].contrast;
  row[5] = signed_seconds(*contrast.difference_s);
  if (contrast.difference_ci) {
    row[6] = fmt::format("{} to {}", signed_seconds(contrast.difference_ci->low),
                         signed_seconds(contrast.difference_ci->high));
  }
  row[7] = contrast.claim == Claim::single_runs ? "one run" : p_text(*contrast.p_value);
  return row;
}

// What is the same of several paths, once: each with the names of those.
std::vector<std::string> start_sets(const Comparison& comparison,
                                    const std::vector<LayersOfArm>& all) {
  std::vector<std::pair<std::string, std::vector<std::string>>> known;  // and whose it is
  for (const LayersOfArm& layers : all) {
    for (std::string& text : about_start_set(layers)) {
      auto found = std::find_if(known.begin(), known.end(),
                                [&text](const auto& one) { return one.first == text; });
      if (found == known.end()) {
        known.emplace_back(std::move(text), std::vector<std::string>());
        found = std::prev(known.end());
      }
      found->second.push_back(name_of(comparison.arms[layers.arm]));
    }
  }
  std::vector<std::string> lines;
  lines.reserve(known.size());
  for (const auto& [text, names] : known) lines.push_back(joined(names) + ": " + text);
  return lines;
}

}  // namespace

std::vector<std::string> answers_about_layers(const Comparison& comparison) {
  std::vector<std::string> answers;
  for (const LayersOfArm& layers : findings::layers_of(comparison)) {
    if (!comparison.arms[layers.arm].is_plain()) continue;  // the table has them
    answers.push_back(answer_for_layers(comparison, layers));
  }
  return answers;
}

std::string layers_section(const Comparison& comparison, const std::string& picture) {
  const std::vector<LayersOfArm> all = findings::layers_of(comparison);
  const std::string read = bullets(start_sets(comparison, findings::start_sets_of(comparison)));
  if (all.empty()) return read.empty() ? "" : "## What a start reads\n\n" + read + '\n';
  Table table =
      table_of({"path", "at launch"}, {"runs", "median", "min-max", "adds", "95 % interval", "p"});
  bool is_apart_alone = false;
  for (const LayersOfArm& layers : all) {
    for (const LayerStep& step : layers.steps) {
      is_apart_alone = is_apart_alone || step.contrast.claim == Claim::separated;
    }
    for (std::size_t i = 0; i < layers.layers.size(); ++i) {
      table.rows.push_back(row_of(comparison, layers, i));
    }
  }
  return "## What each layer of cold costs\n\n" + picture + markdown_table(table) +
         "\nEach row was measured by itself; \"adds\" is its median less the one above. Directory "
         "entries and inodes stay in memory, unless `--drop-caches` was given." +
         (is_apart_alone ? " Where every run of one layer took longer than every run of the one "
                           "above, that is told, though so few runs cannot bring p below 0.05."
                         : "") +
         "\n\n" + read + '\n';
}

}  // namespace coldload::report
