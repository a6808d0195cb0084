#include "records/record_reader.h"

#include <cstddef>
#include <utility>

#include "os/error.h"
#include "records/json_lines.h"
#include "text/byte_order_mark.h"

namespace coldload::records {

namespace {

// What `known` has for the text, else what `read` makes of it. Texts that are the same mostly lie
// near each other: it forgets.
template <typename Known, typename Read>
const auto& look_up(Known* known, const std::string& text, Read read) {
  constexpr std::size_t k_most = 128;
  if (known->size() > k_most) known->clear();
  const auto [place, is_new] = known->try_emplace(text);
  if (!is_new) return place->second;
  try {
    return place->second = read();
  } catch (...) {
    known->erase(place);
    throw;
  }
}

ArmFacts arm_of_object(const std::string& object) {
  ExperimentFacts facts = facts_of_object("{\"arms\":[" + object + "]}");
  ArmFacts arm = std::move(facts.arms.at(0));
  return arm;
}

}  // namespace

RecordReader::Read RecordReader::read(std::string_view line) {
  if (part_line(text::without_byte_order_mark(line), &parts_)) {
    try {
      Read read{record_of_line(parts_.trial), facts_of(parts_)};
      read.facts.arms = arms_of(parts_.arms);
      return read;
    } catch (const os::Error&) {
      // Read as a whole, it tells the first thing that is wrong, and where.
    }
  }
  return take(record_of_line(line));
}

RecordReader::Read RecordReader::take(Record&& record) {
  ExperimentFacts& facts = record.experiment;
  Read read;
  const std::span<const ArmParts> arms = pool_.share(std::move(facts.arms));
  std::string id = facts.id;
  const std::uint64_t seed = facts.seed;
  read.facts = pool_.share(std::exchange(facts, {}));
  read.facts.arms = arms;
  facts.id = std::move(id);
  facts.seed = seed;
  read.record = std::move(record);
  return read;
}

// But for its arms.
FactsParts RecordReader::facts_of(const LineParts& parts) {
  FactsParts facts;
  facts.rest =
      look_up(&rests_, parts.rest, [&] { return pool_.share_rest(facts_of_object(parts.rest)); });
  facts.command = look_up(&commands_, parts.command,
                          [&] { return pool_.share_command(facts_of_object(parts.command)); });
  facts.environment = look_up(&environments_, parts.environment, [&] {
    return pool_.share_environment(environment_of_object(parts.environment));
  });
  return facts;
}

std::span<const ArmParts> RecordReader::arms_of(const std::string& object) {
  return look_up(&arms_, object, [&] {
    if (!part_arms(object, &arm_texts_))
      return pool_.share(std::move(facts_of_object(object).arms));
    std::vector<ArmParts> arms;
    arms.reserve(arm_texts_.size());
    for (const ArmTexts& texts : arm_texts_) arms.push_back(arm_of(texts));
    return pool_.share(std::span<const ArmParts>(arms));
  });
}

ArmParts RecordReader::arm_of(const ArmTexts& texts) {
  ArmParts arm;
  arm.path =
      look_up(&paths_, texts.path, [&] { return pool_.share_path(arm_of_object(texts.path)); });
  arm.storage = look_up(&storages_, texts.storage,
                        [&] { return pool_.share_storage(arm_of_object(texts.storage)); });
  arm.floor = look_up(&floors_, texts.floor,
                      [&] { return pool_.keep_floor(floor_rates_of_object(texts.floor)); });
  arm.rest =
      look_up(&arm_rests_, texts.rest, [&] { return pool_.share_rest(arm_of_object(texts.rest)); });
  return arm;
}

}  // namespace coldload::records
