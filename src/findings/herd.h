// What it costs when several nodes start at once from one path.
//
// Layer: findings. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "findings/comparison.h"

namespace coldload::findings {

// Whether these trials are nodes' parts of herds.
[[nodiscard]] bool is_of_herd(const Mode& mode);

// One trial: all its nodes' servers, launched together.
struct HerdRun {
  std::vector<const records::Trial*> servers;  // node by node, by rank there
  double all_ready_s = 0;                      // from the first launch until the last is ready
  double fastest_s = 0;          // the shortest start of one node, which its slowest server ends
  double skew_s = 0;             // the latest launch after the first, less what was asked for
  std::optional<double> copy_s;  // of a staged copy: the longest, made before the launch
  // What all nodes read together, over all_ready_s; nothing where one's counter is not known.
  std::optional<double> rate_bytes_per_s;
};

struct HerdSize {
  std::uint64_t size = 0;
  double stagger_s = 0;       // from one node's launch to the next's; 0: all at the same moment
  std::vector<HerdRun> runs;  // in run order; at least one
  statistics::Summary all_ready_s;
  statistics::Summary fastest_s;
  std::optional<double> rate_bytes_per_s;    // median
  double skew_s = 0;                         // the largest
  std::optional<double> copy_s;              // median
  std::optional<Contrast> against_smallest;  // of all_ready_s; nothing of the smallest itself

  [[nodiscard]] std::vector<double> values_s() const;  // all_ready_s of each run
  // Whether the runs show that it takes longer than the smallest, by a twentieth or more.
  [[nodiscard]] bool is_slower() const;
};

// The model: a start takes base_s + bytes / rate, where the rate is what one node gets alone, or,
// from the knee on, an equal share of what the storage gives in all.
struct HerdModel {
  double base_s = 0;            // of a start, what does not depend on how many there are
  double node_bytes_per_s = 0;  // what one node gets alone
  double bytes = 0;             // that each node reads
  // What the storage gives in all; nothing where even the largest herd was no slower than the
  // smallest.
  std::optional<double> total_bytes_per_s;
  std::uint64_t first_limited = 0;  // the smallest measured size that waits for that

  [[nodiscard]] double all_ready_s(double nodes) const;
  // How many nodes start as fast as one.
  [[nodiscard]] std::optional<double> knee() const;
  // The most that are all ready within `seconds`: 0 where not even one is; nothing where no number
  // is too many, as far as is known.
  [[nodiscard]] std::optional<std::uint64_t> most_nodes(double seconds) const;
};

// With so many servers on each node.
struct HerdOfArm {
  std::size_t arm = 0;
  std::uint64_t per_node = 1;
  std::vector<HerdSize> sizes;  // launched at the same moment, the smallest first
  std::vector<HerdSize> staggered;
  std::size_t hosts = 0;      // machines that its nodes were on
  std::size_t not_whole = 0;  // trials left out, as one node at least has no usable time
  // Nothing where no herd of one node was measured, where these do not tell how long their weights
  // took or read nothing, or where there is one size.
  std::optional<HerdModel> model;

  // Whether there is a model, and it is within a tenth of what was measured at every size.
  [[nodiscard]] bool model_fits() const;
  // Those of `sizes`, then the staggered ones.
  [[nodiscard]] std::vector<const HerdSize*> all() const;
  // Whether every node of each herd was verified to be cold.
  [[nodiscard]] bool is_verified() const;
};

// A node that started alone: until the slowest of its servers had the weights, and what it read.
struct NodeAlone {
  double weights_s = 0;
  double bytes = 0;
};
// Of a herd of one node; nothing where a server does not tell.
[[nodiscard]] std::optional<NodeAlone> node_alone(const HerdRun& run, const std::string& target);

// The first trial of all, where nothing had read the weights over the network before it (a
// discarded launch, a copy), against later ones of its size: what a file server keeps in its memory
// makes those shorter. Nothing where its memory was emptied before each.
struct FirstHerd {
  double first_s = 0;  // until all were ready
  statistics::Interval later_s;
};
[[nodiscard]] std::optional<FirstHerd> first_herd_of(const Comparison& comparison,
                                                     const HerdOfArm& herd);

// Of each arm with such trials, in their order; herds of one server on each node, then those of
// several, the fewest first.
[[nodiscard]] std::vector<HerdOfArm> herds_of(const Comparison& comparison);

}  // namespace coldload::findings
