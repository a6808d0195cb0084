// What is the same for every trial of one experiment, in parts: those that several experiments have
// in common, most of what they say, are held once.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "records/floor.h"
#include "records/record.h"
#include "records/text_pool.h"

namespace coldload::records {

// Where a record's line lies in the files that were read.
struct LinePlace {
  std::uint64_t offset = 0;  // of a record from memory: its index
  std::uint32_t bytes = 0;   // without its line end; of a record from memory: 0
  std::uint32_t file = 0;    // index
};

// What an arm's floor is held as: a floor is large, no two are equal, and few are shown.
struct ArmFloor {
  FloorRates rates;
  const Floor* whole = nullptr;  // null: to be read again (Dataset::floor_of)
};

// ArmFacts.
struct ArmParts {
  const ArmFacts* rest = nullptr;  // all that is not beside it here
  std::string_view path;
  std::string_view storage;         // as JSON: much smaller than the object
  const ArmFloor* floor = nullptr;  // null: there is none

  // But for its floor.
  [[nodiscard]] ArmFacts whole() const;
};

// ExperimentFacts but for id and seed.
struct FactsParts {
  const ExperimentFacts* rest = nullptr;  // all that is not beside it here
  Texts command;
  std::string_view environment;  // as JSON
  std::span<const ArmParts> arms;
};
// Whether two are the same parts. Equal ones of one FactsPool are.
[[nodiscard]] bool are_same(const FactsParts& a, const FactsParts& b);

struct Experiment {
  std::string_view id;
  std::string_view started_at;  // of its first record
  std::uint64_t seed = 0;
  std::size_t number = 0;  // in its Dataset's list
  FactsParts facts;
  LinePlace place;  // of the record that says them

  // But for the arms' floors.
  [[nodiscard]] ExperimentFacts whole_facts() const;
};

}  // namespace coldload::records
