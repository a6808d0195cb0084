#include "records/facts_pool.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include "records/fields.h"
#include "records/record_json.h"

namespace coldload::records {

namespace {

using text::json::object;
using text::json::value;

std::string written(const ExperimentFacts& facts) {
  Record record;
  record.experiment = facts;
  object out;
  for (const Field& field : experiment_fields()) {
    out.emplace(field.member.key, field.member.write(record));
  }
  return text::to_line(out);
}
std::string written(const ArmFacts& arm) { return text::to_line(to_value(arm)); }
std::string written(const Floor& floor) { return text::to_line(to_json(floor)); }

template <typename T>
std::size_t hash_of(const T& one) {
  return std::hash<std::string>()(written(one));
}
template <typename T>
bool are_equal(const T& a, const T& b) {
  return written(a) == written(b);
}

// Objects are many and large: to write them would take most of a report's time.
std::size_t hash_of(const object& one) { return std::hash<object>()(one); }
bool are_equal(const value& a, const value& b);
bool are_equal(const object& a, const object& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return one.key() == other.key() && are_equal(one.value(), other.value());
  });
}
// As `==`, which does not look at the order of an object's members.
bool are_equal(const value& a, const value& b) {
  if (a.is_object() && b.is_object()) return are_equal(a.get_object(), b.get_object());
  if (!a.is_array() || !b.is_array()) return a == b;
  return std::equal(a.get_array().begin(), a.get_array().end(), b.get_array().begin(),
                    b.get_array().end(),
                    [](const value& one, const value& other) { return are_equal(one, other); });
}

}  // namespace

template <typename T>
const T* ValuePool<T>::share(T&& value) {
  const std::size_t hash = hash_of(value);
  const auto [begin, end] = known_.equal_range(hash);
  for (auto known = begin; known != end; ++known) {
    if (are_equal(*known->second, value)) return known->second;
  }
  return known_.emplace(hash, &values_.emplace_back(std::move(value)))->second;
}

FactsParts FactsPool::share(ExperimentFacts&& facts) {
  FactsParts parts;
  parts.command = texts_.share(facts.command);
  parts.environment = objects_.share(std::exchange(facts.environment, {}));
  facts.id.clear();
  facts.seed = 0;
  facts.command.clear();
  facts.arms.clear();
  parts.rest = rests_.share(std::move(facts));
  return parts;
}

std::span<const ArmParts> FactsPool::share(std::vector<ArmFacts>&& arms) {
  std::vector<ArmParts> list;
  list.reserve(arms.size());
  for (ArmFacts& arm : arms) {
    ArmParts& parts = list.emplace_back();
    parts.path = share_path(arm);
    parts.storage = share_storage(std::move(arm));
    parts.floor = share_floor(std::move(arm));
    parts.rest = share_rest(std::move(arm));
  }
  return share(std::span<const ArmParts>(list));
}

const text::json::object* FactsPool::share_storage(ArmFacts&& arm) {
  return objects_.share(std::exchange(arm.storage, {}));
}

const Floor* FactsPool::share_floor(ArmFacts&& arm) {
  std::optional<Floor> floor = std::exchange(arm.floor, std::nullopt);
  return floor ? floors_.share(std::move(*floor)) : nullptr;
}

const ArmFacts* FactsPool::share_rest(ArmFacts&& arm) {
  arm.path.clear();
  arm.storage.clear();
  arm.floor.reset();
  return arm_rests_.share(std::move(arm));
}

}  // namespace coldload::records
