#include "herd/nodes.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "os/file.h"
#include "os/file_id.h"

namespace coldload::herd {

namespace {

using NameOf = std::function<std::string(int)>;

utsname machine() {
  utsname told{};
  ::uname(&told);
  return told;
}

// A few of many.
std::string names_of(const std::vector<int>& ranks, const NameOf& name_of) {
  constexpr std::size_t k_most = 3;
  std::vector<std::string> names;
  for (const int rank : ranks) {
    if (names.size() == k_most) break;
    names.push_back(name_of(rank));
  }
  std::string text = fmt::format("{}", fmt::join(names, ", "));
  if (ranks.size() > k_most) text += fmt::format(" and {} more", ranks.size() - k_most);
  return text;
}

// "WHAT: A on rank 0 (a); B on rank 1 (b)". Empty where it is the same everywhere.
std::string difference_in(const char* what, const std::vector<NodeFacts>& nodes,
                          const std::string NodeFacts::*member, const NameOf& name_of) {
  std::map<std::string, std::vector<int>> by_value;
  for (std::size_t rank = 0; rank < nodes.size(); ++rank) {
    by_value[nodes[rank].*member].push_back(static_cast<int>(rank));
  }
  if (by_value.size() < 2) return "";
  std::vector<std::string> parts;
  parts.reserve(by_value.size());
  for (const auto& [value, ranks] : by_value) {
    parts.push_back(
        fmt::format("{} on {}", value.empty() ? "none" : value, names_of(ranks, name_of)));
  }
  return fmt::format("{}: {}", what, fmt::join(parts, "; "));
}

// The first file that is not the same everywhere.
std::string difference_in_files(const std::vector<NodeFacts>& nodes, const NameOf& name_of) {
  const std::vector<std::string>& first = nodes.front().files;
  for (std::size_t rank = 1; rank < nodes.size(); ++rank) {
    const std::vector<std::string>& files = nodes[rank].files;
    if (files == first) continue;
    const auto [ours, theirs] =
        std::mismatch(first.begin(), first.end(), files.begin(), files.end());
    return fmt::format("the checkpoints differ: {} on {}, {} on {}",
                       ours == first.end() ? "no further file" : *ours, name_of(0),
                       theirs == files.end() ? "no further file" : *theirs,
                       name_of(static_cast<int>(rank)));
  }
  return "";
}

// Two ranks that evict, and load into, one page cache, though each is to be a node.
std::string shared_cache(const std::vector<NodeFacts>& nodes, const NameOf& name_of) {
  for (const HerdNode& node : nodes_of(nodes)) {
    if (node.ranks.size() == 1) continue;
    return fmt::format(
        "{} and {} share a page cache: what one loads is warm for the other; start one rank on "
        "each node (--map-by ppr:1:node), or give each a mount of its own ({{rank}} in the path), "
        "or say that each node starts several servers (--per-node {})",
        name_of(node.ranks[0]), name_of(node.ranks[1]), node.ranks.size());
  }
  return "";
}

// Nodes that have another number of ranks.
std::string uneven_nodes(const std::vector<NodeFacts>& facts, std::uint64_t per_node,
                         const NameOf& name_of) {
  constexpr std::size_t k_most = 3;
  std::vector<std::string> parts;
  std::map<std::string, int> on_machine;
  std::size_t uneven = 0;
  const std::vector<HerdNode> nodes = nodes_of(facts);
  bool is_split = false;  // two nodes of one machine
  for (const HerdNode& node : nodes) {
    const std::string& machine = facts[static_cast<std::size_t>(node.ranks.front())].boot;
    if (node.ranks.size() == per_node) continue;
    is_split = ++on_machine[machine] > 1 || is_split;
    if (++uneven > k_most) continue;
    parts.push_back(fmt::format("{} {}", names_of(node.ranks, name_of),
                                node.ranks.size() == 1
                                    ? "is alone on one"
                                    : fmt::format("are {} on one", node.ranks.size())));
  }
  if (parts.empty()) return "";
  if (uneven > k_most) parts.push_back(fmt::format("and {} more nodes", uneven - k_most));
  return fmt::format(
      "--per-node {} needs {} ranks on each node, all of which have the same files in one page "
      "cache, and {}; start them with mpirun -n {} --map-by ppr:{}:node{}",
      per_node, per_node, fmt::join(parts, "; "), facts.size() / per_node * per_node, per_node,
      is_split ? ", with one mount of the files on each machine: some of these ranks are on one "
                 "machine and read files of their own"
               : "");
}

// Ranks of one node that do not see each other's processes by the same numbers.
std::string containers_apart(const std::vector<NodeFacts>& facts, const NameOf& name_of) {
  for (const HerdNode& node : nodes_of(facts)) {
    const int first = node.ranks.front();
    for (const int rank : node.ranks) {
      if (facts[static_cast<std::size_t>(rank)].process_space ==
          facts[static_cast<std::size_t>(first)].process_space) {
        continue;
      }
      return fmt::format(
          "{} and {} are on one node, in different containers (PID namespaces): whose reads are a "
          "sibling's cannot be told there; start all ranks of a node in one container",
          name_of(first), name_of(rank));
    }
  }
  return "";
}

// Two ranks that would copy to one place.
std::string shared_copy(const std::vector<NodeFacts>& nodes, const NameOf& name_of) {
  std::map<std::pair<std::string, std::string>, int> known;
  for (std::size_t rank = 0; rank < nodes.size(); ++rank) {
    const NodeFacts& node = nodes[rank];
    if (node.copy.empty()) continue;
    const auto [other, is_new] = known.try_emplace({node.boot, node.copy}, static_cast<int>(rank));
    if (is_new) continue;
    return fmt::format(
        "{} and {} would both copy to {} (--stage): give each a place of its own ({{rank}} in its "
        "path)",
        name_of(other->second), name_of(static_cast<int>(rank)), node.copy);
  }
  return "";
}

}  // namespace

std::string host_name() { return machine().nodename; }

std::string machine_name() {
  return os::try_read_text("/proc/sys/kernel/random/boot_id").value_or(host_name());
}

NodeFacts node_of(const measure::Plan& plan, const measure::Arm& arm, const gpu::Nvml& nvml) {
  NodeFacts node;
  node.host = host_name();
  node.boot = machine_name();
  node.process = static_cast<std::uint64_t>(::getpid());
  std::error_code ignored;
  node.process_space = std::filesystem::read_symlink("/proc/self/ns/pid", ignored);
  node.coldload = fmt::format("{} ({})", plan.version, plan.commit);
  node.kernel = machine().release;
  const storage::Mount& mount = arm.storage.source();
  node.fs_type = mount.fs_type;
  node.mount_options = mount.options;
  if (arm.storage.devices().empty()) node.mount_source = mount.source;
  for (const model::CheckpointFile& file : arm.checkpoint->files) {
    node.files.push_back(fmt::format("{} ({} bytes)", file.name, file.bytes));
  }
  if (plan.stage) node.copy = plan.stage->destination;
  node.tensors_hash = arm.tensors_hash(arm.weights());
  for (const gpu::GpuInfo& gpu : nvml.devices()) {
    if (!gpu.uuid.empty()) node.gpus.push_back(gpu.uuid);
  }
  const std::vector<std::size_t> weights = arm.weights();
  if (weights.empty()) return node;
  if (const auto id = os::file_id(arm.candidates[weights.front()].path)) {
    node.first_weights = fmt::format("{}:{}", id->device, id->inode);
  }
  return node;
}

NodeDifferences differences(const std::vector<NodeFacts>& nodes, std::uint64_t per_node,
                            const NameOf& name_of) {
  NodeDifferences found;
  std::vector<std::string> refusals;
  for (std::size_t rank = 0; rank < nodes.size(); ++rank) {
    if (nodes[rank].problem.empty()) continue;
    refusals.push_back(fmt::format("{}: {}", name_of(static_cast<int>(rank)), nodes[rank].problem));
  }
  if (refusals.empty()) {
    refusals = {
        difference_in("coldload's versions differ", nodes, &NodeFacts::coldload, name_of),
        difference_in("the file systems differ", nodes, &NodeFacts::fs_type, name_of),
        difference_in("the mounts differ", nodes, &NodeFacts::mount_source, name_of),
        difference_in_files(nodes, name_of),
        difference_in("the checkpoints' tensors differ", nodes, &NodeFacts::tensors_hash, name_of),
        per_node > 1 ? uneven_nodes(nodes, per_node, name_of) : shared_cache(nodes, name_of),
        containers_apart(nodes, name_of),
        shared_copy(nodes, name_of)};
  }
  std::erase(refusals, "");
  if (!refusals.empty()) {
    found.refusal = refusals.front();
    if (refusals.size() > 1) found.refusal += fmt::format(" (and {} more)", refusals.size() - 1);
    return found;
  }
  found.remarks = {
      difference_in("the kernels differ", nodes, &NodeFacts::kernel, name_of),
      difference_in("the mount options differ", nodes, &NodeFacts::mount_options, name_of)};
  std::erase(found.remarks, "");
  return found;
}

std::vector<HerdNode> nodes_of(const std::vector<NodeFacts>& ranks) {
  std::vector<HerdNode> nodes;
  std::map<std::pair<std::string, std::string>, std::size_t> known;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    const auto [at, is_new] =
        known.try_emplace({ranks[rank].boot, ranks[rank].first_weights}, nodes.size());
    if (is_new) nodes.push_back({nodes.size(), {}});
    nodes[at->second].ranks.push_back(static_cast<int>(rank));
  }
  return nodes;
}

std::vector<std::string> shared_gpus(const std::vector<NodeFacts>& nodes) {
  std::map<std::string, int> users;
  for (const NodeFacts& node : nodes) {
    for (const std::string& gpu : node.gpus) ++users[gpu];
  }
  std::vector<std::string> shared;
  for (const auto& [gpu, count] : users) {
    if (count > 1) shared.push_back(gpu);
  }
  return shared;
}

}  // namespace coldload::herd
