#include "records/experiment.h"

#include <cassert>
#include <string>

#include "text/json.h"

namespace coldload::records {

namespace {

// Of what a pool has written.
text::json::object parsed(std::string_view written) {
  std::string error;
  const auto value = text::parse_json(written, &error);
  assert(value && value->is_object());
  return value->get_object();
}

}  // namespace

ArmFacts ArmParts::whole() const {
  ArmFacts facts = *rest;
  facts.path = path;
  facts.storage = parsed(storage);
  return facts;
}

bool are_same(const FactsParts& a, const FactsParts& b) {
  return a.rest == b.rest && a.command.data() == b.command.data() &&
         a.environment.data() == b.environment.data() && a.arms.data() == b.arms.data();
}

ExperimentFacts Experiment::whole_facts() const {
  ExperimentFacts whole = *facts.rest;
  whole.id = id;
  whole.seed = seed;
  whole.command.assign(facts.command.begin(), facts.command.end());
  for (const ArmParts& arm : facts.arms) whole.arms.push_back(arm.whole());
  whole.environment = parsed(facts.environment);
  return whole;
}

}  // namespace coldload::records
