// Records line by line, with what they say of their experiment in parts that are held once.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "records/experiment.h"
#include "records/facts_pool.h"
#include "records/line_parts.h"
#include "records/record.h"

namespace coldload::records {

// Reads what record_of_line() would. Not thread-safe.
class RecordReader {
 public:
  struct Read {
    Record record;  // of its experiment, only id and seed
    FactsParts facts;
  };

  explicit RecordReader(FactsPool* pool) : pool_(*pool) {}

  // Throws as record_of_line() does.
  [[nodiscard]] Read read(std::string_view line);

  // A record that was read elsewhere.
  [[nodiscard]] Read take(Record&& record);

 private:
  [[nodiscard]] FactsParts facts_of(const LineParts& parts);
  [[nodiscard]] std::span<const ArmParts> arms_of(const std::string& object);
  [[nodiscard]] ArmParts arm_of(const ArmTexts& texts);

  FactsPool& pool_;
  LineParts parts_;
  std::vector<ArmTexts> arm_texts_;
  // What these texts say, so that they are not parsed again; the pool knows equal values anyway.
  std::unordered_map<std::string, const ExperimentFacts*> rests_;
  std::unordered_map<std::string, Texts> commands_;
  std::unordered_map<std::string, std::string_view> environments_;
  std::unordered_map<std::string, std::span<const ArmParts>> arms_;
  std::unordered_map<std::string, std::string_view> paths_;
  std::unordered_map<std::string, std::string_view> storages_;
  std::unordered_map<std::string, const ArmFloor*> floors_;
  std::unordered_map<std::string, const ArmFacts*> arm_rests_;
};

}  // namespace coldload::records
