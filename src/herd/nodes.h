// What each rank finds at the path on its machine, which of them are one node, and whether a herd
// of these nodes is one.
//
// Layer: herd. Pure functions but for node_of().
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "gpu/nvml.h"
#include "herd/schedule.h"
#include "measure/arm.h"
#include "measure/plan.h"

namespace coldload::herd {

// Of one rank.
struct NodeFacts {
  std::string problem;  // why it cannot take part, in words; what follows is empty then
  std::string host;
  std::string boot;      // the same for all ranks on one machine
  std::string coldload;  // version and commit
  std::string kernel;
  std::string fs_type;
  std::string mount_source;  // empty for a block device: each node has its own
  std::string mount_options;
  std::vector<std::string> files;  // "config.json (1.2 kB)": the checkpoint's, with their sizes
  std::string tensors_hash;
  std::string first_weights;      // device and inode of their first file, as text
  std::vector<std::string> gpus;  // their UUIDs
  std::string copy;               // where --stage makes it; empty: nowhere
  std::uint64_t process = 0;      // its id
  std::string process_space;      // in which PID namespace that is: its inode, as text
};
BOOST_DESCRIBE_STRUCT(NodeFacts, (),
                      (problem, host, boot, coldload, kernel, fs_type, mount_source, mount_options,
                       files, tensors_hash, first_weights, gpus, copy, process, process_space))

// Of this node. Throws os::Error.
[[nodiscard]] NodeFacts node_of(const measure::Plan& plan, const measure::Arm& arm,
                                const gpu::Nvml& nvml);

[[nodiscard]] std::string host_name();
// The same for all ranks on one machine.
[[nodiscard]] std::string machine_name();

struct NodeDifferences {
  std::string refusal;               // why these nodes make no herd; empty: they do
  std::vector<std::string> remarks;  // what differs all the same
};

// `nodes`: by rank. `per_node`: how many of them each node has to have. `name_of`: what a rank is
// called, "rank 3 (node-b)".
[[nodiscard]] NodeDifferences differences(const std::vector<NodeFacts>& nodes,
                                          std::uint64_t per_node,
                                          const std::function<std::string(int)>& name_of);

// Ranks that share a page cache of the model's files are one node. By their first rank.
[[nodiscard]] std::vector<HerdNode> nodes_of(const std::vector<NodeFacts>& ranks);

// The GPUs that more than one of them uses, by UUID, sorted.
[[nodiscard]] std::vector<std::string> shared_gpus(const std::vector<NodeFacts>& nodes);

}  // namespace coldload::herd
