// The parts of experiments' facts, equal ones once.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "records/experiment.h"
#include "records/record.h"
#include "records/text_pool.h"

namespace coldload::records {

// Equal values once: those that are written as the same JSON. They stay where they are.
template <typename T>
class ValuePool {
 public:
  [[nodiscard]] const T* share(T&& value);

 private:
  std::deque<T> values_;
  std::unordered_multimap<std::size_t, const T*> known_;  // by their hash
};

// What it returns stays where it is for as long as the pools live. Not thread-safe.
class FactsPool {
 public:
  explicit FactsPool(TextPool* texts) : texts_(*texts) {}

  // All but the arms.
  [[nodiscard]] FactsParts share(ExperimentFacts&& facts);
  [[nodiscard]] std::span<const ArmParts> share(std::vector<ArmFacts>&& arms);

  // The same by part.
  [[nodiscard]] Texts share_command(const ExperimentFacts& facts) {
    return texts_.share(facts.command);
  }
  // `written`: as text::to_line() writes it.
  [[nodiscard]] std::string_view share_environment(std::string_view written) {
    return texts_.share(written);
  }
  [[nodiscard]] const ExperimentFacts* share_rest(ExperimentFacts&& facts);
  [[nodiscard]] std::string_view share_path(const ArmFacts& arm) { return texts_.share(arm.path); }
  [[nodiscard]] std::string_view share_storage(const ArmFacts& arm);
  // Null where there is none. Equal ones are not looked for: what is measured again is never equal.
  [[nodiscard]] const ArmFloor* keep_floor(const ArmFacts& arm);
  [[nodiscard]] const ArmFloor* keep_floor(const std::optional<FloorRates>& rates);
  [[nodiscard]] const ArmFacts* share_rest(ArmFacts&& arm);
  [[nodiscard]] std::span<const ArmParts> share(std::span<const ArmParts> arms) {
    return texts_.share(arms);
  }

 private:
  TextPool& texts_;
  ValuePool<ExperimentFacts> rests_;
  ValuePool<ArmFacts> arm_rests_;
  std::deque<ArmFloor> floors_;
  std::deque<Floor> whole_floors_;
};

}  // namespace coldload::records
