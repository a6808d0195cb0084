#include "report/wording.h"

#include <algorithm>

#include <fmt/format.h>

#include "findings/layers.h"
#include "report/sections.h"

namespace coldload::report {

std::string range_text(const std::string& low, const std::string& high) {
  return low == high ? low : low + " to " + high;
}

std::string joined_code(std::vector<std::string> words) {
  for (std::string& word : words) word = markdown_code(word);
  return joined(words);
}

std::string bullets(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += "- " + line + '\n';
  return out;
}

void add_once(std::string_view word, std::vector<std::string>* words) {
  if (std::find(words->begin(), words->end(), word) == words->end()) words->emplace_back(word);
}

std::string interval_note(const std::optional<statistics::Interval>& ratios) {
  if (!ratios) return "";
  return fmt::format(" (95 % interval {} to {})", in_times(ratios->low), in_times(ratios->high));
}

std::string name_of(const Arm& arm) { return markdown_code(arm.facts.label); }

std::string name_of(const Comparison& comparison, const findings::HerdOfArm& herd) {
  const std::string name = name_of(comparison.arms[herd.arm]);
  return herd.per_node == 1 ? name
                            : fmt::format("{} with {} servers on each node", name, herd.per_node);
}

std::string different_weights_text(const std::string& first, const findings::Weights& of_first,
                                   const std::string& second, const findings::Weights& of_second) {
  const auto sizes = [&](const std::string& of_one, const std::string& of_other) {
    return fmt::format("{} holds {} of weights, {} holds {}", first, of_one, second, of_other);
  };
  const std::string bytes = format_bytes(of_first.bytes);
  if (bytes != format_bytes(of_second.bytes)) return sizes(bytes, format_bytes(of_second.bytes));
  if (of_first.tensors_hash.empty() || of_second.tensors_hash.empty()) {
    return sizes(fmt::format("{} B", of_first.bytes), fmt::format("{} B", of_second.bytes));
  }
  return fmt::format(
      "{} and {} hold different weights of {}: tensors of other names, types or shapes", first,
      second, bytes);
}

std::string text_of(const DifferentWeights& different) {
  return different_weights_text(name_of(*different.first), different.of_first,
                                name_of(*different.second), different.of_second);
}

bool is_stand_in(const Arm& arm) { return arm.facts.stand_in && arm.facts.prefetch_of.empty(); }

std::string_view kind_of_start(records::Layer layer) {
  switch (layer) {
    case records::Layer::warm:
      return "with the weights in memory";
    case records::Layer::node:
      return "on a node that has just come up";
    case records::Layer::first:
      return "on a new node";
    case records::Layer::weights:
      break;
  }
  return "";
}

std::string starts_from(std::string_view path, records::Layer layer) {
  const std::string_view kind = kind_of_start(layer);
  return kind.empty() ? markdown_code(path) : fmt::format("{} {}", markdown_code(path), kind);
}

std::string no_cold_run(const Comparison& comparison) {
  return findings::start_sets_of(comparison).empty() ? "no cold run"
                                                     : "none with the weights alone cold";
}

std::string measured_instead_of_cold(const Comparison& comparison) {
  if (std::string herds = herds_in_short(comparison); !herds.empty()) return herds;
  std::vector<std::string> words;
  for (const Arm& arm : comparison.arms) {
    for (const Mode* mode : arm.instead_of_cold()) {
      words.push_back(
          fmt::format("{} {}", markdown_code(mode->label), in_seconds(mode->load_s->median)));
    }
  }
  return words.empty() ? "nothing usable measured" : joined(words) + ", " + no_cold_run(comparison);
}

std::string value_text(const text::json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : text::to_line(value);
}

Table table_of(const std::vector<std::string>& words, const std::vector<std::string>& figures,
               const std::vector<std::string>& more_words) {
  Table table;
  for (const std::string& title : words) table.columns.push_back({title});
  for (const std::string& title : figures) table.columns.push_back({title, text::Align::right});
  for (const std::string& title : more_words) table.columns.push_back({title});
  return table;
}

std::string seconds_cell(std::optional<double> seconds) {
  return seconds ? in_seconds(*seconds) : "";
}

std::string times_cell(std::optional<double> ratio) { return ratio ? in_times(*ratio) : ""; }

std::string rate_cell(std::optional<double> bytes_per_s) {
  return bytes_per_s ? format_rate(*bytes_per_s) : "";
}

std::string with_runs(const statistics::Summary& load) {
  return fmt::format("{} ({})", in_seconds(load.median), runs(load.n));
}

std::string start_word(const Comparison& comparison) {
  return loads_only(comparison) ? "load" : "start";
}

std::string run_name(const Comparison& comparison, const records::Trial& trial) {
  return comparison.run_ids_repeat
             ? fmt::format("{} of {}", trial.run_id, markdown_code(trial.experiment->id))
             : fmt::format("{}", trial.run_id);
}

}  // namespace coldload::report
