// What each node is and what it finds at the path, and whether a herd of these nodes is one.
//
// Layer: herd. Pure functions but for node_of().
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "gpu/nvml.h"
#include "measure/arm.h"
#include "measure/plan.h"

namespace coldload::herd {

struct NodeFacts {
  std::string problem;  // why this node cannot take part, in words; what follows is empty then
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
};
BOOST_DESCRIBE_STRUCT(NodeFacts, (),
                      (problem, host, boot, coldload, kernel, fs_type, mount_source, mount_options,
                       files, tensors_hash, first_weights, gpus, copy))

// Of this node. Throws os::Error.
[[nodiscard]] NodeFacts node_of(const measure::Plan& plan, const measure::Arm& arm,
                                const gpu::Nvml& nvml);

[[nodiscard]] std::string host_name();

struct NodeDifferences {
  std::string refusal;               // why these nodes make no herd; empty: they do
  std::vector<std::string> remarks;  // what differs all the same
};

// `name_of`: what a rank is called, "rank 3 (node-b)".
[[nodiscard]] NodeDifferences differences(const std::vector<NodeFacts>& nodes,
                                          const std::function<std::string(int)>& name_of);

// The GPUs that more than one of them uses, by UUID, sorted.
[[nodiscard]] std::vector<std::string> shared_gpus(const std::vector<NodeFacts>& nodes);

}  // namespace coldload::herd
