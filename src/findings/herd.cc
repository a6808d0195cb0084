#include "findings/herd.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
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

// Whether the counters of some told what others read, too: those of a machine's block device do.
bool count_each_other(const std::vector<const Trial*>& nodes) {
  std::set<std::string_view> hosts;
  for (const Trial* node : nodes) {
    const bool is_device =
        node->storage_bytes_source.find("block_device") != std::string_view::npos;
    if (is_device && !hosts.insert(node->herd->host).second) return true;
  }
  return false;
}

HerdRun run_of(std::vector<const Trial*> nodes) {
  HerdRun run;
  std::sort(nodes.begin(), nodes.end(),
            [](const Trial* a, const Trial* b) { return a->herd->rank < b->herd->rank; });
  run.fastest_s = *nodes.front()->load_s;
  double bytes = 0;
  bool is_known = true;
  double planned_s = 0;
  for (const Trial* node : nodes) {
    const double skew_s = node->herd->launch_skew_s.value_or(0);
    run.all_ready_s = std::max(run.all_ready_s, skew_s + *node->load_s);
    run.fastest_s = std::min(run.fastest_s, *node->load_s);
    run.skew_s = std::max(run.skew_s, std::abs(skew_s - planned_s));
    planned_s += node->herd->stagger_s.value_or(0);
    if (node->copy_s) run.copy_s = std::max(run.copy_s.value_or(0), *node->copy_s);
    is_known = is_known && node->storage_bytes_read;
    bytes += static_cast<double>(node->storage_bytes_read.value_or(0));
  }
  if (is_known && !count_each_other(nodes) && run.all_ready_s > 0)
    run.rate_bytes_per_s = bytes / run.all_ready_s;
  run.nodes = std::move(nodes);
  return run;
}

HerdSize size_of(std::vector<HerdRun> runs) {
  const records::TrialHerd& one = *runs.front().nodes.front()->herd;
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
  std::vector<double> weights;
  std::vector<double> bytes;
  for (const HerdRun& run : smallest.runs) {
    for (const Trial* node : run.nodes) {
      const auto weights_s = records::weights_seconds(*node, target);
      if (!weights_s || !node->storage_bytes_read) return std::nullopt;
      weights.push_back(*weights_s);
      bytes.push_back(static_cast<double>(*node->storage_bytes_read));
    }
  }
  if (smallest.size != 1) return std::nullopt;
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

}  // namespace

bool is_of_herd(const Mode& mode) {
  return !mode.trials.empty() && mode.trials.front()->herd != nullptr;
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
  const auto is_cold = [](const Trial* node) { return node->cold == records::Cold::verified; };
  const auto are_cold = [&is_cold](const HerdRun& run) {
    return std::all_of(run.nodes.begin(), run.nodes.end(), is_cold);
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
    const auto began = [](const HerdSize& one) { return key_of(*one.runs.front().nodes.front()); };
    if (of == nullptr || began(*size) < began(*of)) of = size;
  }
  if (of == nullptr || of->stagger_s > 0 || of->runs.size() < 2) return {};
  const Trial& node = *of->runs.front().nodes.front();
  const bool is_local = node.storage_bytes_source.find("block_device") != std::string_view::npos;
  if (node.herd->position != 1 || node.cold != records::Cold::verified || is_local) return {};
  const std::vector<double> values = of->values_s();
  const auto [least, most] = std::minmax_element(values.begin() + 1, values.end());
  return FirstHerd{values.front(), {*least, *most}};
}

std::vector<HerdOfArm> herds_of(const Comparison& comparison) {
  std::vector<HerdOfArm> all;
  for (std::size_t i = 0; i < comparison.arms.size(); ++i) {
    const Arm& arm = comparison.arms[i];
    std::map<HerdKey, std::vector<const Trial*>> trials;
    std::set<HerdKey> begun;
    std::set<std::string_view> hosts;
    for (const Mode& mode : arm.other_modes) {
      if (!is_of_herd(mode)) continue;
      for (const Trial* trial : mode.trials) {
        trials[key_of(*trial)].push_back(trial);
        hosts.insert(trial->herd->host);
      }
    }
    for (const auto& [key, unused] : trials) begun.insert(key);
    for (const Trial* trial : arm.left_out) {
      if (trial->herd != nullptr) begun.insert(key_of(*trial));
    }
    if (begun.empty()) continue;
    HerdOfArm found;
    found.arm = i;
    found.hosts = hosts.size();
    std::map<std::pair<double, std::uint64_t>, std::vector<HerdRun>> by_size;  // and stagger
    std::size_t whole = 0;
    for (auto& [key, nodes] : trials) {
      const records::TrialHerd& one = *nodes.front()->herd;
      if (nodes.size() != one.size) continue;
      by_size[{one.stagger_s.value_or(0), one.size}].push_back(run_of(std::move(nodes)));
      ++whole;
    }
    for (auto& [size, runs] : by_size) {
      (size.first > 0 ? found.staggered : found.sizes).push_back(size_of(std::move(runs)));
    }
    for (std::size_t size = 1; size < found.sizes.size(); ++size) {
      found.sizes[size].against_smallest = contrast_of(
          found.sizes.front().values_s(), found.sizes[size].values_s(), found.sizes.size() - 1);
    }
    found.not_whole = begun.size() - whole;
    // What was copied in first is read from where the copy is.
    if (!found.sizes.empty() && !found.sizes.front().copy_s)
      found.model = model_of(found.sizes, comparison.facts.target);
    all.push_back(std::move(found));
  }
  return all;
}

}  // namespace coldload::findings
