#include "records/json_lines.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/error.h"
#include "records/dataset.h"
#include "records/fields.h"
#include "unit/records/records.h"
#include "unit/temporary_directory.h"

namespace coldload::records {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Record full_record() {
  ExperimentFacts facts = experiment({arm("nvme"), stand_in_arm("net", 250e6)});
  facts.arms.push_back({});
  facts.arms.back().label = "later";
  facts.arms.back().placeholder = true;
  facts.arms.back().missing = "MODEL_PATH_NET is not set";
  facts.seed = 18446744073709551615U;
  facts.drop_caches = true;
  facts.same_storage = {{"a", "b", "same directory"}};
  facts.budgets_set_by_user = {"user"};
  facts.gpu_hour_price = 2.5;
  facts.baseline_file = "old.csv";
  facts.baseline = {{"nvme", 12.5}};
  Record record = cold_trial(facts, "nvme", 13.123456789);
  record.run_id = 12;
  record.max_model_len = 4096;
  record.block = 2;
  record.position = 3;
  record.status = Status::not_cold;
  record.reason = "3 pages of model.safetensors stayed: \"quoted\", \\, \n, \xC3\xA9";
  record.gpu_mem_used_mb = 66190.25;
  record.log_file = "logs/12.log";
  record.caches = Caches::mixed;
  record.caches_files = 40;
  record.caches_bytes = 300'000'000;
  record.caches_written_files = 41;
  record.caches_written_bytes = 310'000'000;
  record.floor_s = 4.75;
  record.efficiency = 1.0 / 3;
  record.spawn_s = 0.002;
  record.port_open_s = 0.75;
  record.first_token_s = 0.25;
  record.copy_s = 24;
  record.phases = {{"start", 0, 4.5, "log"}, {"weights", 4.5, 9.75, "log"}};
  record.unattributed_s = 0.1;
  record.reported = {{"weights_s", 5.25}, {"version", "0.24.0"}, {"list", {1, nullptr, true}}};
  record.timeline = {
      {{"t_s", 0.5}, {"storage_bytes", 1024}, {"cpu_s", 0.01}, {"gpu_mem_mib", nullptr}},
      {{"t_s", 0.600123}, {"storage_bytes", 2'160'000'000}, {"cpu_s", nullptr}}};
  record.sampler_cpu_s = 0.0123;
  record.remarks = {"load average 3.1"};
  record.note = "afternoon";
  return record;
}

std::string error_of(const std::string& line) {
  try {
    static_cast<void>(record_of_line(line));
  } catch (const os::Error& error) {
    return error.what();
  }
  return "";
}

std::string line_without(const std::string& key) {
  std::string error;
  auto value = *text::parse_json(json_line_of(full_record()), &error);
  value.get_object().erase(key);
  return text::to_line(value);
}

std::string line_with(const std::string& key, const text::json::value& member) {
  std::string error;
  auto value = *text::parse_json(json_line_of(full_record()), &error);
  value.get_object()[key] = member;
  return text::to_line(value);
}

TEST(JsonLines, BeginWithTheSchemaAndAreOneLine) {
  const std::string line = json_line_of(full_record());
  EXPECT_THAT(line, StartsWith("{\"schema\":2,\"run_id\":12,\"storage_mode\":\"nvme\","));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(JsonLines, UnknownIsNull) {
  const std::string line = json_line_of(cold_trial(experiment({arm("nvme")}), "nvme", 1));
  for (const char* key : {"max_model_len", "gpu_mem_used_mb", "floor_s", "efficiency", "copy_s",
                          "first_token_s", "unattributed_s", "reason", "note", "log", "caches",
                          "caches_files", "caches_written_bytes"}) {
    EXPECT_THAT(line, HasSubstr('"' + std::string(key) + "\":null"));
  }
}

TEST(JsonLines, EveryFieldIsReadBackExactly) {
  const std::string line = json_line_of(full_record());
  const Record record = record_of_line(line);
  EXPECT_EQ(json_line_of(record), line);
  EXPECT_EQ(record.load_s, 13.123456789);
  EXPECT_EQ(record.status, Status::not_cold);
  EXPECT_EQ(record.experiment.seed, 18446744073709551615U);
  EXPECT_EQ(record.experiment.arms[1].stand_in->rate_bytes_per_s, 250e6);
  EXPECT_EQ(record.experiment.arms[2].missing, "MODEL_PATH_NET is not set");
  EXPECT_EQ(record.reason, full_record().reason);
  ASSERT_EQ(record.timeline.size(), 2U);
  EXPECT_EQ(record.timeline[1].as_object().at("t_s"), 0.600123);
  EXPECT_TRUE(record.timeline[1].as_object().at("cpu_s").is_null());
  EXPECT_EQ(record.sampler_cpu_s, 0.0123);
  EXPECT_EQ(record.spawn_s, 0.002);
  EXPECT_EQ(record.port_open_s, 0.75);
}

TEST(JsonLines, TellOfTheRuntimeCachesAndOldOnesDoNot) {
  const Record record = record_of_line(json_line_of(full_record()));
  EXPECT_EQ(record.caches, Caches::mixed);
  EXPECT_EQ(record.caches_files, 40U);
  EXPECT_EQ(record.caches_bytes, 300'000'000U);
  EXPECT_EQ(record.caches_written_files, 41U);
  EXPECT_EQ(record.caches_written_bytes, 310'000'000U);
  EXPECT_FALSE(record_of_line(line_without("caches")).caches.has_value());
  EXPECT_FALSE(record_of_line(line_with("caches", nullptr)).caches.has_value());
  // "none" is a verdict: nothing there, and nothing written.
  EXPECT_EQ(record_of_line(line_with("caches", "none")).caches, Caches::none);
  EXPECT_THAT(error_of(line_with("caches", "warm")), HasSubstr("\"caches\" is not a verdict"));
}

TEST(JsonLines, NumbersOfAnyLengthAreReadBackToTheSameText) {
  Record record = full_record();
  std::uint64_t state = 1;
  for (int round = 0; round < 2'000; ++round) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    record.load_s = static_cast<double>(state >> 11) / 9007199254740992.0 * 100;
    record.efficiency = static_cast<double>(state >> 11) * 1e-25;
    record.floor_s = static_cast<double>(state >> 11);
    const std::string line = json_line_of(record);
    ASSERT_EQ(json_line_of(record_of_line(line)), line);
  }
}

TEST(JsonLines, BytesThatAreNotUtf8DoNotBreakTheFile) {
  Record record = full_record();
  record.path = "/mnt/\xFF";
  record.reported = {{"\xFE", "\xFD"}};
  EXPECT_EQ(record_of_line(json_line_of(record)).path, "/mnt/\xEF\xBF\xBD");
}

TEST(JsonLines, UnknownKeysAndMissingOnesAreNoError) {
  EXPECT_EQ(error_of(line_with("invented_later", 1)), "");
  EXPECT_EQ(error_of(line_with("schema", 2.5)), "");
  EXPECT_EQ(error_of(line_without("phases")), "");
  EXPECT_EQ(record_of_line(line_without("arm")).arm, "nvme");
  EXPECT_FALSE(record_of_line(line_without("load_s")).load_s.has_value());
}

TEST(JsonLines, ReadTheSentencesOfSchemaOneAsPairs) {
  const json::array sentences{"a and b are the same storage: same directory", "something else"};
  std::string error;
  auto value = *text::parse_json(line_with("same_storage", sentences), &error);
  value.get_object()["schema"] = 1;
  const Record record = record_of_line(text::to_line(value));
  const std::vector<SameStorage> expected{{"a", "b", "the same storage: same directory"},
                                          {"", "", "something else"}};
  EXPECT_EQ(record.experiment.same_storage, expected);
  EXPECT_EQ(to_string(expected[0]), "a and b are the same storage: same directory");
  EXPECT_EQ(to_string(expected[1]), "something else");
}

TEST(JsonLines, SayWhatIsWrongWithALine) {
  EXPECT_THAT(error_of("{"), HasSubstr("not JSON"));
  EXPECT_THAT(error_of("[1]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(error_of("{}"), HasSubstr("no \"schema\""));
  EXPECT_THAT(error_of(line_with("schema", 3)), HasSubstr("newer coldload (schema 3"));
  EXPECT_THAT(error_of(line_without("cold")), HasSubstr("no \"cold\""));
  EXPECT_THAT(error_of(line_with("status", "fine")), HasSubstr("\"status\" is not a status"));
  EXPECT_THAT(error_of(line_with("load_s", "4")), HasSubstr("\"load_s\" is not a number"));
  EXPECT_THAT(error_of(line_with("load_s", -4)), HasSubstr("\"load_s\" is not a number from 0"));
  EXPECT_THAT(error_of(line_with("load_s", 1.7e308)), HasSubstr("\"load_s\" is larger than any"));
  EXPECT_THAT(error_of(line_with("argv", 3)), HasSubstr("\"argv\" is not a list"));
  EXPECT_THAT(error_of(line_with("arms", text::json::array{1})), HasSubstr("\"arms\" is not an"));
  const text::json::object backwards{{"name", "weights"}, {"start_s", 5}, {"end_s", 2}};
  EXPECT_THAT(error_of(line_with("phases", text::json::array{backwards})),
              HasSubstr("\"phases\" has a phase \"weights\" that ends, at 2 s, before it starts"));
}

TEST(JsonLines, MayBeginWithAByteOrderMark) {
  const std::string line = json_line_of(full_record());
  EXPECT_EQ(json_line_of(record_of_line("\xEF\xBB\xBF" + line)), line);
}

class JsonLinesFile : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) const {
    const std::string path = folder_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  static std::string error_of_reading(const std::vector<std::string>& paths) {
    try {
      (void)read_dataset(paths);
    } catch (const os::Error& error) {
      return error.what();
    }
    return "";
  }
  TemporaryDirectory folder_{"coldload-jsonl"};
};

TEST_F(JsonLinesFile, NamesTheLineThatIsWrong) {
  const std::string line = json_line_of(full_record());
  EXPECT_THAT(error_of_reading({file("a", line + "rubbish\n")}), HasSubstr("a line 2: it is not"));
  EXPECT_THAT(error_of_reading({file("b", line + line.substr(0, 50))}),
              HasSubstr("b line 2: the line is cut"));
  EXPECT_EQ(error_of_reading({file("c", "")}), "");
  EXPECT_EQ(error_of_reading({file("d", line + "\n \r\n")}), "") << "as an editor leaves them";
}

TEST_F(JsonLinesFile, RefusesATrialThatWouldCountTwice) {
  const std::string path = file("a", json_line_of(full_record()));
  EXPECT_THAT(error_of_reading({path, path}),
              HasSubstr("a line 1: run_id 12 of experiment 20250307T101112Z-4af1 is in " + path +
                        " already: it would count twice"));
  EXPECT_EQ(error_of_reading(
                {path, file("b", json_line_of(cold_trial(experiment({arm("nvme")}), "nvme", 1)))}),
            "");
}

TEST_F(JsonLinesFile, LinesMayBeLongerThanAChunk) {
  Record record = full_record();
  record.note = std::string(3 << 20, 'x');
  const std::string line = json_line_of(record);
  record.run_id = 13;
  std::vector<Record> records;
  for_each_record(file("a", line + json_line_of(record)),
                  [&records](Record&& one) { records.push_back(std::move(one)); });
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].note.size(), 3U << 20);
}

}  // namespace
}  // namespace coldload::records
