// Where the time goes: cold against warm, phases, bytes over rate, what a loader alone takes, and
// what a stand-in's rate says it must be.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "records/trial_figures.h"
#include "report/dominance.h"
#include "report/floor_use.h"
#include "report/sections.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

std::string cold_and_warm_table(const Comparison& comparison) {
  Table table = table_of({"path"}, {"cold", "warm", "cold less warm"});
  for (const Arm& arm : comparison.arms) {
    if (!arm.cold.load_s) continue;
    const auto difference = arm.cold_less_warm_s();
    table.rows.push_back({name_of(arm), time_of(arm),
                          arm.warm.load_s ? with_runs(*arm.warm.load_s) : "not measured",
                          difference ? signed_seconds(*difference) : ""});
  }
  return table.rows.empty() ? "" : markdown_table(table) + '\n';
}

bool phases_overlap(const records::Trial& trial) {
  std::vector<std::pair<double, double>> spans;
  for (const records::TrialPhase& phase : trial.phases)
    spans.emplace_back(phase.start_s, phase.end_s);
  std::sort(spans.begin(), spans.end());
  const auto overlap = [](const auto& earlier, const auto& later) {
    constexpr double k_rounding_s = 1e-6;
    return later.first + k_rounding_s < earlier.second;
  };
  return std::adjacent_find(spans.begin(), spans.end(), overlap) != spans.end();
}

struct Column {
  const Arm* arm;
  const Mode* mode;
  const records::Trial* trial;  // its median
};

// Of the weights phase, what storage costs (measured, against the warm runs) and what the way onto
// the GPU costs at least (derived from the bus). Rows that would be empty are left out.
void add_parts_of_weights(const std::vector<Column>& columns, Table* table) {
  std::vector<std::string> storage{"of which storage: less the warm runs' (measured)"};
  std::vector<std::string> bus{"of which host to GPU, at least: bytes over its rate (derived)"};
  for (const Column& column : columns) {
    const bool is_cold = column.mode == &column.arm->cold;
    const auto share = column.arm->share;
    const auto weights_s = records::phase_seconds(*column.trial, "weights");
    const bool told = is_cold && share && share->of_phase && share->is_clear && weights_s;
    storage.push_back(told ? in_seconds(*weights_s - share->warm_s) : "");
    const auto& floor = column.arm->facts.floor;
    const bool onto_gpu = records::destination_of(*column.trial) == records::Destination::gpu;
    const auto rate = floor && onto_gpu ? floor->gpu.to_gpu_bytes_per_s() : std::nullopt;
    const double copied_s = rate ? static_cast<double>(column.trial->checkpoint_bytes) / *rate : 0;
    // One GPU's bus says nothing of several that are filled at once.
    bus.push_back(weights_s && copied_s > 0 && copied_s <= *weights_s ? in_seconds(copied_s) : "");
  }
  for (std::vector<std::string>* row : {&storage, &bus}) {
    const bool is_empty = std::all_of(row->begin() + 1, row->end(),
                                      [](const std::string& cell) { return cell.empty(); });
    if (!is_empty) table->rows.push_back(std::move(*row));
  }
}

std::string meaning_of_rows(const Comparison& comparison, const std::vector<Column>& columns) {
  std::string out;
  const bool any_start = std::any_of(columns.begin(), columns.end(), [](const Column& column) {
    return records::phase_seconds(*column.trial, "start").has_value();
  });
  if (!loads_only(comparison) && any_start) {
    out =
        "\n`start` is from launch until the log says that the loading of weights begins: the "
        "server's "
        "imports and processes. Unattributed is what no line of its log names.\n";
  }
  const bool any_even = std::any_of(columns.begin(), columns.end(), [](const Column& column) {
    return column.mode->trials.size() % 2 == 0;
  });
  if (any_even) {
    out += "\nThe median trial of an even number of runs is the faster of the two in the middle.\n";
  }
  return out;
}

std::string phase_table(const Comparison& comparison) {
  std::vector<Column> columns;
  std::vector<std::string> names;
  bool overlap = false;
  const auto add_column = [&](const Arm& arm, const Mode& mode) {
    const records::Trial* trial = median_trial(mode);
    if (trial == nullptr || trial->phases.empty()) return;
    columns.push_back({&arm, &mode, trial});
    overlap |= phases_overlap(*trial);
    for (const records::TrialPhase& phase : trial->phases) add_once(phase.name, &names);
  };
  for (const Arm& arm : comparison.arms) {
    add_column(arm, arm.cold);
    if (!loads_only(comparison)) add_column(arm, arm.warm);
  }
  if (columns.empty()) return "";
  Table table{{{"phase of the median trial"}}, {}};
  for (const Column& column : columns) {
    table.columns.push_back({markdown_code(column.mode->label), text::Align::right});
  }
  const auto add_row = [&](const std::string& title, auto value_of) {
    std::vector<std::string> row{title};
    for (const Column& column : columns) {
      row.push_back(seconds_cell(value_of(*column.trial)));
    }
    table.rows.push_back(std::move(row));
  };
  for (const std::string& name : names) {
    add_row(markdown_text(name),
            [&name](const records::Trial& trial) { return records::phase_seconds(trial, name); });
    if (name == "weights") add_parts_of_weights(columns, &table);
  }
  add_row("unattributed", [](const records::Trial& trial) { return trial.unattributed_s; });
  add_row(loads_only(comparison) ? "whole load" : "launch to ready",
          [](const records::Trial& trial) { return trial.load_s; });
  return markdown_table(table) + meaning_of_rows(comparison, columns) +
         (overlap ? "\nPhases overlap: they do not add up to the whole.\n\n" : "\n");
}

std::string weights_of(const Arm& arm) {
  std::vector<double> values;
  for (const records::Trial* trial : arm.cold.trials) {
    const auto seconds = records::phase_seconds(*trial, "weights");
    if (!seconds) return "not told";
    values.push_back(*seconds);
  }
  return values.empty() ? "" : in_seconds(statistics::median(values));
}

}  // namespace

std::string time_section(const Comparison& comparison, const std::string& picture) {
  std::vector<std::string> sentences = dominance_of(comparison);
  const std::vector<std::string> uses = floor_use_of(comparison);
  sentences.insert(sentences.end(), uses.begin(), uses.end());
  if (sentences.empty()) return "";
  const std::string in_short = storage_in_short(comparison);
  return "## Where the time goes\n\n" + (in_short.empty() ? "" : in_short + "\n\n") +
         cold_and_warm_table(comparison) + phase_table(comparison) + picture + bullets(sentences) +
         '\n';
}

std::string native_section(const Comparison& comparison) {
  Table table = table_of(
      {"path"}, {"coldload's own loader", "the server's weights phase", "launch to ready"});
  for (const Arm& arm : comparison.arms) {
    // An arm that is read ahead has its path's figure, which says nothing of a phase in memory.
    if (!arm.native_load_s || !arm.is_measured() || !arm.facts.prefetch_of.empty()) continue;
    table.rows.push_back(
        {name_of(arm), with_runs(*arm.native_load_s), weights_of(arm), time_of(arm)});
  }
  if (table.rows.empty()) return "";
  return "## What a loader alone takes\n\n" + markdown_table(table) +
         "\nMedians of cold loads of the same weights from the same path, on a machine of the same "
         "CPU and GPU. The loader's time holds its own start. The rest of a server's start is not "
         "loading.\n\n";
}

std::string expectation_section(const Comparison& comparison) {
  Table table = table_of({"path", "rate"}, {"expected", "measured", "measured / expected",
                                            "expected ratio", "measured ratio"});
  bool rest_unknown = false;
  for (const Expectation& expected : comparison.expectations) {
    const Arm& arm = comparison.arms[expected.arm];
    const bool at_least = !loads_only(comparison) && !expected.rest_s;
    rest_unknown |= at_least;
    std::vector<std::string> row{
        name_of(arm),
        fmt::format("{}, {}", format_rate(expected.rate_bytes_per_s), expected.basis),
        (at_least ? "at least " : "") + in_seconds(expected.load_s),
        "not measured",
        "",
        times_cell(expected.ratio),
        ""};
    if (arm.cold.load_s) {
      row[3] = time_of(arm);
      row[4] = in_times(median_s(arm) / expected.load_s);
      const Contrast* contrast = comparison.contrast_of_arm(expected.arm);
      if (contrast != nullptr) row[6] = times_cell(contrast->ratio);
    }
    table.rows.push_back(std::move(row));
  }
  if (table.rows.empty()) return "";
  std::string out = "## Expected of the stand-in, and measured\n\n" + markdown_table(table);
  if (loads_only(comparison)) {
    out +=
        "\nExpected: checkpoint bytes over the rate (never less than the warm load), as the loader "
        "reads while it does all else. ";
  } else if (rest_unknown) {
    out +=
        "\nExpected: checkpoint bytes over the rate; what a server does besides is not known "
        "without a warm run, so these are lower bounds. ";
  } else {
    out +=
        "\nExpected: checkpoint bytes over the rate, and for the rest a warm start's time, less "
        "its weights phase where the log tells it. A server that reads while it does other things "
        "stays below that, and so do starts that happened to be shorter. ";
  }
  return out +
         "`named` is the rate asked for, over all readers together; `delivered` is what one reader "
         "got before the experiment.\n\n";
}

}  // namespace coldload::report
