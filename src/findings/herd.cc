#include "findings/herd.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "findings/ways_to_start.h"
#include "records/trial_figures.h"

namespace coldload::findings {

namespace {

using records::Trial;

// Which trial of which experiment it belongs to.
using HerdKey = std::pair<std::size_t, std::uint64_t>;

HerdKey key_of(const Trial& trial) { return {trial.experiment->number, trial.herd->position}; }

// Servers of one node, each of whose records has what all of them read.
using OfNode = std::span<const Trial* const>;

std::vector<OfNode> nodes_of(const std::vector<const Trial*>& servers) {
  std::vector<OfNode> nodes;
  for (auto begin = servers.begin(); begin != servers.end();) {
    const auto end = std::find_if(begin, servers.end(), [begin](const Trial* server) {
      return server->herd->node != (*begin)->herd->node;
    });
    nodes.emplace_back(begin, end);
    begin = end;
  }
  return nodes;
}

// Whether the counters of some told what others read, too: those of a machine's block device do.
bool count_each_other(const std::vector<OfNode>& nodes) {
  std::set<std::string_view> hosts;
  for (const OfNode& node : nodes) {
    const Trial& one = *node.front();
    const bool is_device = one.storage_bytes_source.find("block_device") != std::string_view::npos;
    if (is_device && !hosts.insert(one.herd->host).second) return true;
  }
  return false;
}

// What the node read; nothing where it is not known.
std::optional<double> bytes_of(OfNode node) {
  double bytes = 0;
  for (const Trial* server : node) {
    if (!server->storage_bytes_read) return std::nullopt;
    bytes = std::max(bytes, static_cast<double>(*server->storage_bytes_read));
  }
  return bytes;
}

HerdRun run_of(std::vector<const Trial*> servers) {
  HerdRun run;
  std::sort(servers.begin(), servers.end(), [](const Trial* a, const Trial* b) {
    return std::pair(a->herd->node, a->herd->rank) < std::pair(b->herd->node, b->herd->rank);
  });
  const std::vector<OfNode> nodes = nodes_of(servers);
  std::vector<double> node_s;
  double bytes = 0;
  bool is_known = true;
  double planned_s = 0;
  for (const OfNode& node : nodes) {
    node_s.push_back(0);
    for (const Trial* server : node) {
      const double skew_s = server->herd->launch_skew_s.value_or(0);
      run.all_ready_s = std::max(run.all_ready_s, skew_s + *server->load_s);
      node_s.back() = std::max(node_s.back(), *server->load_s);
      run.skew_s = std::max(run.skew_s, std::abs(skew_s - planned_s));
      if (server->copy_s) run.copy_s = std::max(run.copy_s.value_or(0), *server->copy_s);
    }
    planned_s += node.front()->herd->stagger_s.value_or(0);
    const auto read = bytes_of(node);
    is_known = is_known && read;
    bytes += read.value_or(0);
  }
  run.fastest_s = *std::min_element(node_s.begin(), node_s.end());
  if (is_known && !count_each_other(nodes) && run.all_ready_s > 0)
    run.rate_bytes_per_s = bytes / run.all_ready_s;
  run.servers = std::move(servers);
  return run;
}

HerdSize size_of(std::vector<HerdRun> runs) {
  const records::TrialHerd& one = *runs.front().servers.front()->herd;
  HerdSize herd;
  herd.size = one.size;
  herd.stagger_s = one.stagger_s.value_or(0);
  herd.runs = std::move(runs);
  std::vector<double> fastest;
  std::vector<double> rates;
  std::vector<double> copies;
  for (const HerdRun& run : herd.runs) {
    fastest.push_back(run.fastest_s);
    if (run.copy_s) copies.push_back(*run.copy_s);
    if (run.rate_bytes_per_s) rates.push_back(*run.rate_bytes_per_s);
    herd.skew_s = std::max(herd.skew_s, run.skew_s);
  }
  herd.all_ready_s = *statistics::summarize(herd.values_s());
  herd.fastest_s = *statistics::summarize(fastest);
  herd.rate_bytes_per_s = statistics::median_if_any(rates);
  herd.copy_s = statistics::median_if_any(copies);
  return herd;
}

// What one node alone gets; nothing where none was measured, or one does not tell how long its
// weights took or what it read.
std::optional<HerdModel> model_of_smallest(const HerdSize& smallest, const std::string& target) {
  if (smallest.size != 1) return std::nullopt;
  std::vector<double> weights;
  std::vector<double> bytes;
  for (const HerdRun& run : smallest.runs) {
    const auto node = node_alone(run, target);
    if (!node) return std::nullopt;
    weights.push_back(node->weights_s);
    bytes.push_back(node->bytes);
  }
  const double weights_s = statistics::median(weights);
  HerdModel model;
  model.bytes = statistics::median(bytes);
  if (weights_s <= 0 || model.bytes <= 0) return std::nullopt;
  model.node_bytes_per_s = model.bytes / weights_s;
  model.base_s = std::max(smallest.all_ready_s.median - weights_s, 0.0);
  return model;
}

// The squared distance of every run from what `model` says.
double misfit(const HerdModel& model, const std::vector<HerdSize>& sizes) {
  double sum = 0;
  for (const HerdSize& size : sizes) {
    for (const double value : size.values_s()) {
      const double off = value - model.all_ready_s(static_cast<double>(size.size));
      sum += off * off;
    }
  }
  return sum;
}

// What the storage gives in all, by least squares, if that is what the sizes from `first_slow` on
// wait for: seconds of reading against bytes that all nodes read.
std::optional<double> total_rate(const HerdModel& model, const std::vector<HerdSize>& sizes,
                                 std::size_t first_slow) {
  double products = 0;
  double squares = 0;
  for (std::size_t i = first_slow; i < sizes.size(); ++i) {
    const double bytes = model.bytes * static_cast<double>(sizes[i].size);
    for (const double value : sizes[i].values_s()) {
      products += bytes * (value - model.base_s);
      squares += bytes * bytes;
    }
  }
  return products > 0 ? std::optional(squares / products) : std::nullopt;
}

std::optional<HerdModel> model_of(const std::vector<HerdSize>& sizes, const std::string& target) {
  if (sizes.size() < 2) return std::nullopt;
  std::optional<HerdModel> model = model_of_smallest(sizes.front(), target);
  const bool any_slower = std::any_of(sizes.begin() + 1, sizes.end(),
                                      [](const HerdSize& size) { return size.is_slower(); });
  if (!model || !any_slower) return model;
  std::optional<HerdModel> best;
  for (std::size_t first_slow = 0; first_slow < sizes.size(); ++first_slow) {
    HerdModel candidate = *model;
    candidate.total_bytes_per_s = total_rate(*model, sizes, first_slow);
    if (!candidate.total_bytes_per_s) continue;
    candidate.first_limited = sizes[first_slow].size;
    if (!best || misfit(candidate, sizes) < misfit(*best, sizes)) best = candidate;
  }
  return best ? best : model;
}

// What an arm's herds with so many servers on each node are made of.
struct Parts {
  std::map<HerdKey, std::vector<const Trial*>> trials;
  std::set<HerdKey> begun;
  std::set<std::string_view> hosts;
};

// By the number of servers on each node.
std::map<std::uint64_t, Parts> parts_of(const Arm& arm) {
  std::map<std::uint64_t, Parts> by_servers;
  for (const Mode& mode : arm.other_modes) {
    if (!is_of_herd(mode)) continue;
    for (const Trial* trial : mode.trials) {
      Parts& parts = by_servers[trial->herd->per_node];
      parts.trials[key_of(*trial)].push_back(trial);
      parts.begun.insert(key_of(*trial));
      parts.hosts.insert(trial->herd->host);
    }
  }
  for (const Trial* trial : arm.left_out) {
    if (trial->herd != nullptr) by_servers[trial->herd->per_node].begun.insert(key_of(*trial));
  }
  return by_servers;
}

HerdOfArm herd_of(Parts parts, const std::string& target) {
  HerdOfArm found;
  found.hosts = parts.hosts.size();
  std::map<std::pair<double, std::uint64_t>, std::vector<HerdRun>> by_size;  // and stagger
  std::size_t whole = 0;
  for (auto& [key, servers] : parts.trials) {
    const records::TrialHerd& one = *servers.front()->herd;
    if (servers.size() != one.size * one.per_node) continue;
    by_size[{one.stagger_s.value_or(0), one.size}].push_back(run_of(std::move(servers)));
    ++whole;
  }
  for (auto& [size, runs] : by_size) {
    (size.first > 0 ? found.staggered : found.sizes).push_back(size_of(std::move(runs)));
  }
  for (std::size_t size = 1; size < found.sizes.size(); ++size) {
    found.sizes[size].against_smallest = contrast_of(
        found.sizes.front().values_s(), found.sizes[size].values_s(), found.sizes.size() - 1);
  }
  found.not_whole = parts.begun.size() - whole;
  // What was copied in first is read from where the copy is.
  if (!found.sizes.empty() && !found.sizes.front().copy_s)
    found.model = model_of(found.sizes, target);
  return found;
}

}  // namespace

bool is_of_herd(const Mode& mode) {
  return !mode.trials.empty() && mode.trials.front()->herd != nullptr;
}

std::optional<NodeAlone> node_alone(const HerdRun& run, const std::string& target) {
  NodeAlone node;
  for (const Trial* server : run.servers) {
    const auto weights_s = records::weights_seconds(*server, target);
    if (!weights_s) return std::nullopt;
    node.weights_s = std::max(node.weights_s, *weights_s);
  }
  const auto bytes = bytes_of(run.servers);
  if (!bytes) return std::nullopt;
  node.bytes = *bytes;
  return node;
}

std::vector<double> HerdSize::values_s() const {
  std::vector<double> values;
  values.reserve(runs.size());
  for (const HerdRun& run : runs) values.push_back(run.all_ready_s);
  return values;
}

bool HerdSize::is_slower() const {
  constexpr double k_least_ratio = 1.05;
  if (!against_smallest || !against_smallest->ratio) return false;
  return is_told_apart(*against_smallest) && *against_smallest->ratio >= k_least_ratio;
}

double HerdModel::all_ready_s(double nodes) const {
  double reading_s = bytes / node_bytes_per_s;
  if (total_bytes_per_s) reading_s = std::max(reading_s, nodes * bytes / *total_bytes_per_s);
  return base_s + reading_s;
}

std::optional<double> HerdModel::knee() const {
  if (!total_bytes_per_s) return std::nullopt;
  return *total_bytes_per_s / node_bytes_per_s;
}

std::optional<std::uint64_t> HerdModel::most_nodes(double seconds) const {
  constexpr double k_rounding = 1e-9;  // of one node
  if (base_s + bytes / node_bytes_per_s > seconds) return 0;
  if (!total_bytes_per_s) return std::nullopt;
  constexpr double k_most = 1e15;  // counts beyond are no doubles any more
  const double nodes = (seconds - base_s) * *total_bytes_per_s / bytes + k_rounding;
  return static_cast<std::uint64_t>(std::min(nodes, k_most));
}

bool HerdOfArm::model_fits() const {
  constexpr double k_most = 0.1;
  return model && std::all_of(sizes.begin(), sizes.end(), [this](const HerdSize& size) {
           const double derived = model->all_ready_s(static_cast<double>(size.size));
           return std::abs(derived - size.all_ready_s.median) <= k_most * size.all_ready_s.median;
         });
}

std::vector<const HerdSize*> HerdOfArm::all() const {
  std::vector<const HerdSize*> sizes_of_all;
  for (const std::vector<HerdSize>* some : {&sizes, &staggered}) {
    for (const HerdSize& size : *some) sizes_of_all.push_back(&size);
  }
  return sizes_of_all;
}

bool HerdOfArm::is_verified() const {
  const auto is_cold = [](const Trial* server) { return server->cold == records::Cold::verified; };
  const auto are_cold = [&is_cold](const HerdRun& run) {
    return std::all_of(run.servers.begin(), run.servers.end(), is_cold);
  };
  return std::all_of(sizes.begin(), sizes.end(), [&are_cold](const HerdSize& size) {
    return std::all_of(size.runs.begin(), size.runs.end(), are_cold);
  });
}

std::optional<FirstHerd> first_herd_of(const Comparison& comparison, const HerdOfArm& herd) {
  const auto may_have_read = [](const Arm& arm) { return !arm.facts.staged_from.empty(); };
  if (std::any_of(comparison.arms.begin(), comparison.arms.end(), may_have_read)) return {};
  for (const records::Texts& command : comparison.commands) {
    for (const std::string_view word : command) {
      if (word.starts_with("--prepare-server")) return {};
    }
  }
  const HerdSize* of = nullptr;  // whose first run is the first of all
  for (const HerdSize* size : herd.all()) {
    const auto began = [](const HerdSize& one) {
      return key_of(*one.runs.front().servers.front());
    };
    if (of == nullptr || began(*size) < began(*of)) of = size;
  }
  if (of == nullptr || of->stagger_s > 0 || of->runs.size() < 2) return {};
  const Trial& node = *of->runs.front().servers.front();
  const bool is_local = node.storage_bytes_source.find("block_device") != std::string_view::npos;
  if (node.herd->position != 1 || node.cold != records::Cold::verified || is_local) return {};
  const std::vector<double> values = of->values_s();
  const auto [least, most] = std::minmax_element(values.begin() + 1, values.end());
  return FirstHerd{values.front(), {*least, *most}};
}

std::vector<HerdOfArm> herds_of(const Comparison& comparison) {
  std::vector<HerdOfArm> all;
  for (std::size_t i = 0; i < comparison.arms.size(); ++i) {
    std::map<std::uint64_t, Parts> by_servers = parts_of(comparison.arms[i]);
    for (auto& [per_node, parts] : by_servers) {
      all.push_back(herd_of(std::move(parts), comparison.facts.target));
      all.back().arm = i;
      all.back().per_node = per_node;
    }
  }
  return all;
}

}  // namespace coldload::findings
