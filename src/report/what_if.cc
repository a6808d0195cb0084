#include "report/what_if.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "findings/herd.h"
#include "findings/herd_budgets.h"
#include "findings/what_if.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

std::string no_model(const findings::HerdOfArm& herd) {
  if (herd.sizes.empty()) return "no herd that starts at the same moment counts";
  if (herd.sizes.front().copy_s) return "its starts read a copy of their own";
  if (herd.sizes.size() < 2) return "herds of one size do not tell how it depends on their number";
  if (herd.sizes.front().size != 1) return "no node was measured that starts alone (--sizes 1,...)";
  return "starts of one node do not tell how long their weights took";
}

// Every measured size against the model, then the number that is asked for, by the model `asked`.
void add_rows(const std::string& name, const findings::HerdOfArm& herd,
              const findings::HerdModel& asked, std::uint64_t nodes, Table* table) {
  for (const findings::HerdSize& size : herd.sizes) {
    const double derived_s = herd.model->all_ready_s(static_cast<double>(size.size));
    const double measured_s = size.all_ready_s.median;
    table->rows.push_back({name, fmt::format("{}", size.size), in_seconds(measured_s),
                           in_seconds(derived_s), percent(derived_s / measured_s - 1)});
  }
  table->rows.push_back({name, fmt::format("{}", nodes), "",
                         in_seconds(asked.all_ready_s(static_cast<double>(nodes))), ""});
}

// What the storage would have to give for all of them to start as fast as one; and that what was
// measured set no limit, where that is so.
std::string what_it_takes(const std::string& name, const findings::HerdModel& model,
                          std::uint64_t nodes, bool is_limited) {
  std::string text = fmt::format(
      "For {} nodes to start from {} as fast as one, the storage has to give {} in all: {} nodes "
      "at the {} that one gets.",
      nodes, name, format_rate(model.node_bytes_per_s * static_cast<double>(nodes)), nodes,
      format_rate(model.node_bytes_per_s));
  if (!is_limited) {
    text +=
        " What it gives in all is not known: the largest herd that was measured was not shown to "
        "be slower than the smallest.";
  }
  return text + '\n';
}

// The largest waves of fewer than all that are ready within a budget, each with the budget; the
// longest budget first.
std::vector<std::pair<Budget, findings::Waves>> waves_within(const Comparison& comparison,
                                                             const findings::HerdModel& model,
                                                             std::uint64_t nodes) {
  std::vector<std::pair<Budget, findings::Waves>> waves;
  for (const Budget& budget : budgets_of(comparison)) {
    const std::uint64_t most = model.most_nodes(budget.seconds).value_or(nodes);
    if (most == 0 || most >= nodes) continue;
    waves.emplace_back(budget, findings::waves_of(model, nodes, most));
  }
  std::stable_sort(waves.begin(), waves.end(),
                   [](const auto& a, const auto& b) { return a.first.seconds > b.first.seconds; });
  return waves;
}

// How long until all are ready, at once and in waves.
std::string how_long(const Comparison& comparison, const findings::HerdModel& model,
                     std::uint64_t nodes) {
  std::string text = fmt::format("{} nodes at once are all ready in {} (derived).", nodes,
                                 in_seconds(model.all_ready_s(static_cast<double>(nodes))));
  std::vector<std::string> words;
  for (const auto& [budget, waves] : waves_within(comparison, model, nodes)) {
    words.push_back(fmt::format("{} ({} of {}, each within {:g} s)", in_seconds(waves.all_ready_s),
                                waves.count, waves.size, budget.seconds));
  }
  if (words.empty()) return text;
  return fmt::format("{} In waves all are ready in {} (derived).", text, fmt::join(words, ", "));
}

// What a restart costs while GPUs wait; empty without a price on record.
std::string what_it_costs(const Comparison& comparison, const findings::HerdModel& model,
                          std::uint64_t nodes, std::uint64_t per_node) {
  const std::optional<double>& price = comparison.facts.gpu_hour_price;
  if (!price || *price <= 0) return "";
  const auto wait = [&](double each_s) {
    constexpr double k_hour_s = 3600;
    const double hours = static_cast<double>(nodes * per_node) * each_s / k_hour_s;
    return fmt::format("{:.2f} hours, which cost {:.2f}", hours, hours * *price);
  };
  std::string text = fmt::format(
      " Where all restart at once their GPUs wait {} at {:.2f} an hour for all that one server "
      "holds (`--gpu-hour`; derived).",
      wait(model.all_ready_s(static_cast<double>(nodes))), *price);
  const auto waves = waves_within(comparison, model, nodes);
  if (waves.empty()) return text;
  return fmt::format("{} In waves of {}, each node stopped as its wave begins, {} (derived).", text,
                     waves.back().second.size, wait(waves.back().second.each_wave_s));
}

}  // namespace

std::string what_if_nodes_text(const Comparison& comparison, std::uint64_t nodes,
                               std::optional<double> server_bytes_per_s) {
  Table table = table_of({"path"}, {"nodes", "measured", "predicted", "that is off by"});
  std::string below;
  for (const findings::HerdOfArm& herd : findings::herds_of(comparison)) {
    const std::string name = name_of(comparison, herd);
    if (!herd.model) {
      below += fmt::format("{} is not predicted: {}.\n", name, no_model(herd));
      continue;
    }
    const bool is_limited = herd.model->total_bytes_per_s || server_bytes_per_s;
    findings::HerdModel other = *herd.model;
    if (server_bytes_per_s) other.total_bytes_per_s = server_bytes_per_s;
    add_rows(name, herd, other, nodes, &table);
    if (is_limited) {
      below += fmt::format("From {}, {}{}\n", name, how_long(comparison, other, nodes),
                           what_it_costs(comparison, other, nodes, herd.per_node));
    }
    below += what_it_takes(name, *herd.model, nodes, is_limited);
  }
  if (table.rows.empty() && below.empty()) {
    return "No trial of several nodes is on record: `coldload-mpi` measures them.\n";
  }
  if (table.rows.empty()) return below;
  const std::string server = server_bytes_per_s ? fmt::format(" from storage that gives {} in all",
                                                              format_rate(*server_bytes_per_s))
                                                : std::string();
  return fmt::format(
      "What if {} nodes started at once{}?\n\n{}\n{}\nDerived, not measured: a start takes what it "
      "takes beside its weights, and the weights at the rate of one node alone or, where that is "
      "slower, at a node's share of what the storage gives in all. Bursts that end, and metadata "
      "that "
      "many nodes ask for at once, are not in it.\n",
      nodes, server, markdown_table(table), below);
}

std::string what_if_text(const Comparison& comparison, double rate_bytes_per_s) {
  const std::string rate = format_rate(rate_bytes_per_s);
  Table table = table_of({"path"}, {"storage delivered", "measured", "at " + rate, "difference"});
  std::string below;
  for (const findings::Prediction& prediction : predict(comparison, rate_bytes_per_s)) {
    const std::string name = name_of(*prediction.arm);
    const double load_s = median_s(*prediction.arm);
    std::vector<std::string> row{name, rate_cell(prediction.rate_bytes_per_s), in_seconds(load_s)};
    if (prediction.load_s) {
      row.push_back(in_seconds(*prediction.load_s));
      row.push_back(signed_seconds(*prediction.load_s - load_s));
    } else {
      below += fmt::format("{} is not predicted: {}.\n", name, prediction.why_not);
    }
    table.rows.push_back(std::move(row));
  }
  return fmt::format(
      "What if storage delivered {}?\n\n{}\n{}Predicted, not measured: reading the weights is "
      "taken "
      "to change with the rate, down to its time with them in memory, where it waited for storage; "
      "where it took longer than storage needed, it is taken to be as slow as that everywhere. The "
      "rest of a start stays.\n",
      rate, markdown_table(table), below.empty() ? "" : below + "\n");
}

}  // namespace coldload::report
