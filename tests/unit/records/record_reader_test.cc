#include "records/record_reader.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/error.h"
#include "records/json_lines.h"
#include "unit/records/records.h"

namespace coldload::records {
namespace {

using testing::SizeIs;

class Reading : public testing::Test {
 protected:
  // The line that the record would be written as: with all facts, put together from their parts,
  // but for floors, of which only the rates are held.
  std::string line_again(std::string_view line) {
    try {
      RecordReader::Read read = reader_.read(line);
      Experiment experiment;
      experiment.id = read.record.experiment.id;
      experiment.seed = read.record.experiment.seed;
      experiment.facts = read.facts;
      read.record.experiment = experiment.whole_facts();
      return json_line_of(read.record);
    } catch (const os::Error& error) {
      return error.what();
    }
  }
  static std::string line_as_a_whole(std::string_view line) {
    try {
      Record record = record_of_line(line);
      for (ArmFacts& one : record.experiment.arms) one.floor.reset();
      return json_line_of(record);
    } catch (const os::Error& error) {
      return error.what();
    }
  }

  TextPool texts_;
  FactsPool pool_{&texts_};
  RecordReader reader_{&pool_};
};

Record a_record() {
  ExperimentFacts facts = experiment({arm("nvme"), stand_in_arm("net", 250e6)});
  facts.arms[0].floor = floor_at(2.4e9);
  facts.arms[1].no_floor_reason = "--no-floor";
  facts.seed = 7;
  facts.same_storage = {{"nvme", "net", "same directory"}};
  return cold_trial(facts, "nvme", 12.5);
}

TEST_F(Reading, SaysWhatTheWholeLineDoes) {
  const std::string line = json_line_of(a_record());
  const auto replaced = [&line](const std::string& what, const std::string& by) {
    std::string changed = line;
    const std::size_t at = changed.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return changed.replace(at, what.size(), by);
  };
  for (const std::string& one : {
           line,
           "\xEF\xBB\xBF" + line,
           replaced("{", " {\t"),
           replaced("\"arms\":[", "\"arms\" : [ "),
           replaced("\"path\":\"/mnt/nvme", "\"path\":\"\\\"}],{\\\\"),
           replaced("\"storage\":{", "\"new\":[{}],\"storage\":{"),
           replaced("\"environment\":{", "\"envir\\u006fnment\":{"),
           replaced("\"order\":\"random\"", "\"order\":\"random\",\"order\":\"abba\""),
           replaced("\"seed\":7", "\"seed\":8"),
           replaced("\"seed\":7", "\"seed\":-8"),
           replaced("\"arms\":[{", "\"arms\":[7,{"),
           replaced("\"arms\":[{", "\"arms\":[{]}],\"x\":[{"),
           replaced("\"arms\":[", "\"arms\":7,\"x\":["),
           replaced("\"command\":[", "\"command\":[7,"),
           replaced("\"environment\":{", "\"environment\":{\"a\":nul,"),
           replaced("\"target\":\"native\"", "\"target\":\"native\" \"x\":1"),
           replaced("\"target\":\"native\",", ""),
           line.substr(0, line.size() / 2),
           line + line,
           std::string("{}"),
           std::string("[]"),
           std::string(""),
       }) {
    EXPECT_EQ(line_again(one), line_as_a_whole(one)) << one;
    EXPECT_EQ(line_again(one), line_as_a_whole(one)) << "again: " << one;
  }
}

TEST_F(Reading, HoldsTheRatesThatAWholeFloorHas) {
  const std::string line = json_line_of(a_record());
  const std::string measured = line.substr(line.find("\"floor\":") + 8);
  const std::string floor = measured.substr(0, measured.find(",\"no_floor_reason\""));
  for (const std::string& one : {
           floor,
           std::string("null"),
           std::string("{}"),
           std::string(R"({"storage":7,"page_cache":null,"gpu":[],"remarks":{}})"),
           std::string(R"({"storage":{"basis":"given","bytes_per_s":25e7,"levels":7}})"),
           std::string(R"({"storage":{"basis":"memory"},"page_cache":{"bytes_per_s":4e9}})"),
           std::string(R"({"storage":{"levels":[{"bytes_per_s":1e9},{"bytes_per_s":-3e9}],)"
                       R"("sequential":{"bytes_per_s":2e9}},"page_cache":{"bytes_per_s":0}})"),
           std::string(R"({"gpu":{"transfers":[{"to_gpu_best_bytes_per_s":4e9},)"
                       R"({"to_gpu_best_bytes_per_s":5e9,"numa_node":"none"}],"name":7}})"),
       }) {
    std::string changed = line;
    changed.replace(changed.find(floor), floor.size(), one);
    const auto whole = record_of_line(changed).experiment.arms[0].floor;
    const ArmFloor* const held = reader_.read(changed).facts.arms[0].floor;
    ASSERT_EQ(held != nullptr, whole.has_value()) << one;
    if (held == nullptr) continue;
    EXPECT_TRUE(held->rates == FloorRates::of(*whole)) << one;
    EXPECT_EQ(held->whole, nullptr);
  }
  std::string refused = line;
  refused.replace(refused.find(floor), floor.size(), "7");
  EXPECT_THROW((void)record_of_line(refused), os::Error);
  EXPECT_THROW((void)reader_.read(refused), os::Error);
}

TEST_F(Reading, WhatExperimentsHaveInCommonIsHeldOnce) {
  const Record first = a_record();
  const FactsParts parts = reader_.read(json_line_of(first)).facts;
  const auto parts_with = [&](const std::function<void(ExperimentFacts*)>& change) {
    Record record = first;
    record.experiment.id = "another";
    record.experiment.seed = 8;
    change(&record.experiment);
    return reader_.read(json_line_of(record)).facts;
  };
  EXPECT_TRUE(are_same(parts, parts_with([](ExperimentFacts*) {})));

  const FactsParts elsewhere = parts_with([](ExperimentFacts* f) { f->arms[0].path = "/else"; });
  ASSERT_THAT(elsewhere.arms, SizeIs(2));
  EXPECT_FALSE(are_same(parts, elsewhere));
  EXPECT_EQ(elsewhere.rest, parts.rest);
  EXPECT_EQ(elsewhere.environment.data(), parts.environment.data());
  EXPECT_EQ(elsewhere.arms[0].path, "/else");
  EXPECT_EQ(elsewhere.arms[0].rest, parts.arms[0].rest);
  EXPECT_EQ(elsewhere.arms[0].storage.data(), parts.arms[0].storage.data());
  EXPECT_EQ(elsewhere.arms[0].floor, parts.arms[0].floor);

  const FactsParts faster =
      parts_with([](ExperimentFacts* f) { f->arms[0].floor = floor_at(5e9); });
  EXPECT_NE(faster.arms[0].floor, parts.arms[0].floor);
  EXPECT_EQ(faster.arms[0].storage.data(), parts.arms[0].storage.data());

  const FactsParts other = parts_with([](ExperimentFacts* f) {
    f->environment["cores"] = 8;
    f->command.push_back("--warm-runs=2");
    f->budgets_s["dev"] = 100;
  });
  EXPECT_NE(other.environment, parts.environment);
  EXPECT_NE(other.command.data(), parts.command.data());
  EXPECT_NE(other.rest, parts.rest);
  EXPECT_EQ(other.arms.data(), parts.arms.data());
}

TEST_F(Reading, EqualFactsAreHeldOnceHoweverTheyCame) {
  Record record = a_record();
  record.experiment.arms[0].floor.reset();  // what is measured is never equal
  const FactsParts parts = reader_.read(json_line_of(record)).facts;
  EXPECT_TRUE(are_same(reader_.take(record_of_line(json_line_of(record))).facts, parts));
  for (int other = 0; other < 300; ++other) {  // more than a reader remembers
    Record one = record;
    one.experiment.order = std::to_string(other);
    one.experiment.arms[0].label = one.experiment.order;
    (void)reader_.read(json_line_of(one));
  }
  EXPECT_TRUE(are_same(reader_.read(json_line_of(record)).facts, parts));
}

TEST_F(Reading, ObjectsOfAnotherOrderAreOthers) {
  Record record = a_record();
  const FactsParts parts = reader_.read(json_line_of(record)).facts;
  text::json::object reversed;
  const text::json::object& environment = record.experiment.environment;
  for (auto member = environment.end(); member != environment.begin();) {
    --member;
    reversed[member->key()] = member->value();
  }
  record.experiment.environment = reversed;
  EXPECT_NE(reader_.read(json_line_of(record)).facts.environment, parts.environment);
}

}  // namespace
}  // namespace coldload::records
