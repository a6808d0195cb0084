#include "measure/deeper_layers.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/types.h>

#include "measure/rest_evidence.h"
#include "os/error.h"
#include "os/proc.h"
#include "process/process_tree.h"

namespace coldload::measure {

records::Layer layer_of(TrialKind kind) {
  if (kind == TrialKind::warm) return records::Layer::warm;
  if (kind == TrialKind::node) return records::Layer::node;
  return kind == TrialKind::first ? records::Layer::first : records::Layer::weights;
}

start_set::Roles roles_of(const Subject& subject) {
  start_set::Roles roles;
  const std::vector<std::size_t> weights = subject.arm.weights();
  const std::vector<std::string> files = subject.arm.files();
  for (std::size_t i = 0; i < files.size(); ++i) {
    const bool is_weight = std::binary_search(weights.begin(), weights.end(), i);
    (is_weight ? roles.weights : roles.checkpoint).insert(files[i]);
  }
  roles.cache_folders = subject.target.cache_folders();
  return roles;
}

std::optional<start_set::StartSet> learned(start_set::Learner* learner, Launched& launched,
                                           const process::Readiness& seen) {
  if (learner == nullptr || seen.outcome != process::Outcome::ready) return std::nullopt;
  std::vector<pid_t> processes;
  for (const os::ProcessInfo& member : launched.tree().members()) processes.push_back(member.pid);
  try {
    return learner->finish(processes);
  } catch (const os::Error& error) {
    start_set::StartSet nothing;
    nothing.remarks.push_back(fmt::format("what the start reads is not known: {}", error.what()));
    return nothing;
  }
}

void note_rest(const StartState& start, records::Record* record) {
  if (!start.rest) return;
  record->start_set = start.rest->facts();
  record->remarks.insert(record->remarks.end(), start.rest->remarks().begin(),
                         start.rest->remarks().end());
}

ColdVerdict judge_with_rest(const Subject& subject, const StartState& start,
                            const records::Record& record) {
  ColdVerdict verdict = judge_cold(start.evidence);
  const bool is_deeper = subject.kind == TrialKind::node || subject.kind == TrialKind::first;
  const bool may_claim =
      verdict.cold == records::Cold::verified || verdict.cold == records::Cold::not_applicable;
  if (!is_deeper || !may_claim) return verdict;
  RestEvidence rest = start.rest ? start.rest->evidence() : RestEvidence();
  const auto earlier = subject.arm.rest_came_bytes.find(subject.kind);
  if (earlier != subject.arm.rest_came_bytes.end()) rest.came_bytes_earlier = earlier->second;
  rest.target_bytes = start.evidence.observed.target_bytes;
  rest.weight_bytes = start.evidence.needed_bytes;
  rest.cached_files = record.caches_files;
  RestVerdict of_rest = judge_rest(rest);
  if (of_rest.cold == records::Cold::verified) return verdict;
  verdict.cold = of_rest.cold;
  verdict.reason = std::move(of_rest.reason);
  return verdict;
}

}  // namespace coldload::measure
