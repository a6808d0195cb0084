#include "herd/verdict.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "herd/node_verdict.h"
#include "records/json_lines.h"
#include "text/units.h"

namespace coldload::herd {

namespace {

using records::Record;
using records::Status;
using NameOf = std::function<std::string(int)>;

// A launch that comes later than that is said to.
constexpr std::chrono::milliseconds k_most_skew{50};

// From the first launch to that rank's, as asked for, in nanoseconds.
std::uint64_t delay_ns(const HerdSlot& slot, int rank) {
  return static_cast<std::uint64_t>(slot.delay_of(rank).count());
}

// What the first was, or would have been by what the others did after it.
std::optional<std::uint64_t> first_launch(const HerdSlot& slot,
                                          const std::vector<NodeResult>& nodes) {
  std::optional<std::uint64_t> first;
  for (const int member : slot.members()) {
    const auto& launched = nodes[static_cast<std::size_t>(member)].launched_ns;
    if (!launched) continue;
    const std::uint64_t unstaggered = *launched - delay_ns(slot, member);
    first = std::min(first.value_or(unstaggered), unstaggered);
  }
  return first;
}

Record record_of(const HerdSlot& slot, int rank, const NodeResult& node, const std::string& host,
                 std::optional<std::uint64_t> first) {
  Record record = records::record_of_line(
      std::string_view(node.record).substr(0, node.record.find_last_not_of('\n') + 1));
  record.herd.emplace();
  record.herd->size = slot.nodes.size();
  const HerdNode& own = slot.nodes[*slot.place_of(rank)];
  if (own.ranks.size() > 1) {
    record.herd->per_node = own.ranks.size();
    record.herd->node = own.number;
  }
  record.herd->rank = static_cast<std::uint64_t>(rank);
  record.herd->host = host;
  if (slot.stagger.count() > 0) {
    record.herd->stagger_s = std::chrono::duration<double>(slot.stagger).count();
  }
  if (!first || !node.launched_ns) return record;
  const std::chrono::nanoseconds skew(*node.launched_ns - *first);
  record.herd->launch_skew_s = std::chrono::duration<double>(skew).count();
  record.herd->clock_error_s =
      std::chrono::duration<double>(std::chrono::nanoseconds(node.clock_error_ns)).count();
  const std::chrono::nanoseconds late = skew - std::chrono::nanoseconds(delay_ns(slot, rank));
  if (late > k_most_skew) {
    record.remarks.push_back(fmt::format("launched {:.0f} ms later than the first node{}",
                                         std::chrono::duration<double, std::milli>(late).count(),
                                         slot.stagger.count() > 0 ? " and --stagger ask for" : ""));
  }
  return record;
}

// The worst of them, and of whom; null where all are ok.
const Record* worst(const std::vector<Record>& members) {
  const auto rank_of = [](const Record& record) {
    switch (record.status) {
      case Status::ok:
        return 0;
      case Status::not_cold:
        return 1;
      default:
        return 2;
    }
  };
  const auto found =
      std::max_element(members.begin(), members.end(),
                       [&](const Record& a, const Record& b) { return rank_of(a) < rank_of(b); });
  return found == members.end() || found->status == Status::ok ? nullptr : &*found;
}

// What one of them is, all are.
void spread(std::vector<Record>* members, const NameOf& name_of) {
  const Record* const bad = worst(*members);
  if (bad == nullptr) return;
  const Status status = bad->status == Status::not_cold ? Status::not_cold : Status::failed;
  const std::string why =
      fmt::format("{} {}: {}", name_of(static_cast<int>(bad->herd->rank)),
                  status == Status::not_cold ? "was not cold" : "failed", bad->reason);
  for (Record& member : *members) {
    const bool is_worse = member.status == Status::not_cold && status == Status::failed;
    if (member.status != Status::ok && !is_worse) continue;
    member.status = status;
    member.reason = why;
  }
}

// Of each node with several servers.
void judge_nodes(const HerdSlot& slot, const std::vector<NodeResult>& results,
                 measure::ColdPolicy cold, std::vector<Record>* members) {
  std::span<Record> rest(*members);
  for (const HerdNode& node : slot.nodes) {
    std::vector<const NodeResult*> servers;
    for (const int rank : node.ranks) {
      servers.push_back(&results[static_cast<std::size_t>(rank)]);
    }
    if (servers.size() > 1) judge_as_one(servers, cold, rest.first(servers.size()));
    rest = rest.subspan(servers.size());
  }
}

// Why that idle node may have loaded, too; empty: it did not.
std::string doubt_about_idle(const NodeResult& node, const std::string& name) {
  if (!node.came_bytes) {
    return name + " idled, and whether it loaded the checkpoint, too, cannot be seen";
  }
  if (*node.came_bytes == 0) return "";
  return fmt::format(
      "{} should have idled, and {} of the checkpoint came into its memory: it was one more that "
      "loaded",
      name, text::format_bytes(*node.came_bytes));
}

void distrust_idle(const HerdSlot& slot, const std::vector<NodeResult>& nodes,
                   const NameOf& name_of, std::vector<Record>* members) {
  for (int rank = 0; rank < static_cast<int>(nodes.size()); ++rank) {
    if (slot.place_of(rank)) continue;
    const std::string why = doubt_about_idle(nodes[static_cast<std::size_t>(rank)], name_of(rank));
    if (why.empty()) continue;
    for (Record& member : *members) {
      if (member.status != Status::ok) continue;
      member.status = Status::not_cold;
      member.reason = why;
    }
    return;
  }
}

}  // namespace

HerdTrial records_of(const HerdSlot& slot, const std::vector<NodeResult>& nodes,
                     const std::vector<std::string>& hosts, const NameOf& name_of) {
  HerdTrial trial;
  for (int rank = 0; rank < static_cast<int>(nodes.size()); ++rank) {
    const std::string& problem = nodes[static_cast<std::size_t>(rank)].problem;
    if (!problem.empty()) trial.problems.push_back(fmt::format("{}: {}", name_of(rank), problem));
  }
  if (!trial.problems.empty()) return trial;
  const auto first = first_launch(slot, nodes);
  for (const int member : slot.members()) {
    const auto index = static_cast<std::size_t>(member);
    trial.records.push_back(record_of(slot, member, nodes[index], hosts[index], first));
  }
  return trial;
}

HerdTrial judge(const HerdSlot& slot, const std::vector<NodeResult>& nodes,
                const std::vector<std::string>& hosts, const NameOf& name_of,
                measure::ColdPolicy cold) {
  HerdTrial trial = records_of(slot, nodes, hosts, name_of);
  if (trial.problems.empty()) judge_nodes(slot, nodes, cold, &trial.records);
  spread(&trial.records, name_of);
  if (cold == measure::ColdPolicy::verify) distrust_idle(slot, nodes, name_of, &trial.records);
  return trial;
}

}  // namespace coldload::herd
