#include "records/facts_pool.h"

#include <functional>
#include <string>

#include "records/fields.h"
#include "records/record_json.h"

namespace coldload::records {

namespace {

std::string written(const ExperimentFacts& facts) {
  Record record;
  record.experiment = facts;
  text::json::object out;
  for (const Field& field : experiment_fields()) {
    out.emplace(field.member.key, field.member.write(record));
  }
  return text::to_line(out);
}
std::string written(const ArmFacts& arm) { return text::to_line(to_value(arm)); }

}  // namespace

template <typename T>
const T* ValuePool<T>::share(T&& value) {
  const std::string text = written(value);
  const std::size_t hash = std::hash<std::string>()(text);
  const auto [begin, end] = known_.equal_range(hash);
  for (auto known = begin; known != end; ++known) {
    if (written(*known->second) == text) return known->second;
  }
  return known_.emplace(hash, &values_.emplace_back(std::move(value)))->second;
}

FactsParts FactsPool::share(ExperimentFacts&& facts) {
  FactsParts parts;
  parts.command = share_command(facts);
  parts.environment = share_environment(text::to_line(facts.environment));
  parts.rest = share_rest(std::move(facts));
  return parts;
}

const ExperimentFacts* FactsPool::share_rest(ExperimentFacts&& facts) {
  facts.id.clear();
  facts.seed = 0;
  facts.command.clear();
  facts.environment.clear();
  facts.arms.clear();
  return rests_.share(std::move(facts));
}

std::span<const ArmParts> FactsPool::share(std::vector<ArmFacts>&& arms) {
  std::vector<ArmParts> list;
  list.reserve(arms.size());
  for (ArmFacts& arm : arms) {
    ArmParts& parts = list.emplace_back();
    parts.path = share_path(arm);
    parts.storage = share_storage(arm);
    parts.floor = keep_floor(arm);
    parts.rest = share_rest(std::move(arm));
  }
  return share(std::span<const ArmParts>(list));
}

std::string_view FactsPool::share_storage(const ArmFacts& arm) {
  return texts_.share(text::to_line(arm.storage));
}

const ArmFloor* FactsPool::keep_floor(const ArmFacts& arm) {
  if (!arm.floor) return nullptr;
  const Floor& whole = whole_floors_.emplace_back(*arm.floor);
  return &floors_.emplace_back(ArmFloor{FloorRates::of(whole), &whole});
}

const ArmFloor* FactsPool::keep_floor(const std::optional<FloorRates>& rates) {
  return rates ? &floors_.emplace_back(ArmFloor{*rates, nullptr}) : nullptr;
}

const ArmFacts* FactsPool::share_rest(ArmFacts&& arm) {
  arm.path.clear();
  arm.storage.clear();
  arm.floor.reset();
  return arm_rests_.share(std::move(arm));
}

}  // namespace coldload::records
