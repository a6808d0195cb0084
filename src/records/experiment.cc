#include "records/experiment.h"

namespace coldload::records {

ArmFacts ArmParts::whole() const {
  ArmFacts facts = *rest;
  facts.path = path;
  facts.storage = *storage;
  if (floor != nullptr) facts.floor = *floor;
  return facts;
}

bool are_same(const FactsParts& a, const FactsParts& b) {
  return a.rest == b.rest && a.command.data() == b.command.data() &&
         a.environment == b.environment && a.arms.data() == b.arms.data();
}

ExperimentFacts Experiment::whole_facts() const {
  ExperimentFacts whole = *facts.rest;
  whole.id = id;
  whole.seed = seed;
  whole.command.assign(facts.command.begin(), facts.command.end());
  for (const ArmParts& arm : facts.arms) whole.arms.push_back(arm.whole());
  whole.environment = *facts.environment;
  return whole;
}

}  // namespace coldload::records
