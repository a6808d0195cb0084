#include "measure/experiment_facts.h"

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "measure/environment.h"
#include "os/clock.h"
#include "records/redaction.h"

namespace coldload::measure {

namespace {

std::string new_experiment_id() {
  std::random_device device;
  std::string stamp = os::utc_timestamp();
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  return fmt::format("{}-{:04x}", stamp, device() & 0xFFFFU);
}

// What the arms are started by, each once.
std::string names_of_targets(const std::vector<Arm>& arms) {
  std::vector<std::string> names;
  for (const Arm& arm : arms) {
    const std::string name = arm.target->name();
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return fmt::format("{}", fmt::join(names, "+"));
}

}  // namespace

records::ExperimentFacts gather_facts(const Plan& plan, const Arms& arms, const gpu::Nvml& nvml) {
  records::ExperimentFacts facts = plan.facts;
  facts.id = new_experiment_id();
  facts.order = to_string(plan.order);
  facts.seed = plan.seed;
  facts.runs_rule = describe(plan.count);
  facts.cold_policy = to_string(plan.cold);
  facts.drop_caches = plan.drop_caches;
  facts.target = names_of_targets(arms.all());
  for (const Arm& arm : arms.all()) facts.arms.push_back(arm.facts);
  facts.same_storage = same_storage(arms.all());
  facts.environment = describe_machine(nvml, plan.version, plan.commit);
  text::json::object server = arms.all().front().target->facts();
  const bool has_one = plan.starts.front().name.empty();
  if (has_one && !server.empty()) facts.environment["server"] = std::move(server);
  records::redact(plan.secrets, &facts);
  return facts;
}

}  // namespace coldload::measure
