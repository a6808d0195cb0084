#include "records/redaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measure/target.h"

namespace coldload::measure {
namespace {

using ::testing::ElementsAre;

TEST(Redaction, LeavesNoCredentialInARecord) {
  const text::Redactor secrets({"--api-key", "s3cr3t-key"}, {});
  records::Record record;
  record.arm = "nvme";
  record.argv = {"serve", "--api-key", "s3cr3t-key", "--token=x"};
  record.path = "/s3cr3t-key/m";
  record.model = "s3cr3t-key";
  record.reason = "the server ended; its last words: bad s3cr3t-key";
  record.remarks = {"a", "s3cr3t-key"};
  record.note = "with s3cr3t-key";
  record.reported = {{"version", "1"}, {"args", {{"keys", {"s3cr3t-key", 5}}}}};
  records::redact(secrets, &record);
  EXPECT_EQ(record.arm, "nvme");
  EXPECT_THAT(record.argv, ElementsAre("serve", "--api-key", "[redacted]", "--token=[redacted]"));
  EXPECT_EQ(record.path, "/[redacted]/m");
  EXPECT_EQ(record.model, "[redacted]");
  EXPECT_EQ(record.reason, "the server ended; its last words: bad [redacted]");
  EXPECT_THAT(record.remarks, ElementsAre("a", "[redacted]"));
  EXPECT_EQ(record.note, "with [redacted]");
  EXPECT_EQ(text::to_line(record.reported), R"({"version":"1","args":{"keys":["[redacted]",5]}})");
}

TEST(Redaction, LeavesNoCredentialInWhatIsTheSameForAll) {
  const text::Redactor secrets({"--api-key", "s3cr3t-key"}, {});
  records::ExperimentFacts facts;
  facts.command = {"coldload", "compare", "--env", "A_KEY=x", "--", "serve", "--api-key", "s3"};
  facts.arms.resize(1);
  facts.arms[0].label = "nvme";
  facts.arms[0].storage = {{"mount", {{"source", "https://me:pass@dav.host/share"}}}};
  facts.same_storage = {{"a", "b", "s3cr3t-key is the same"}};
  records::redact(secrets, &facts);
  EXPECT_THAT(facts.command, ElementsAre("coldload", "compare", "--env", "A_KEY=[redacted]", "--",
                                         "serve", "--api-key", "[redacted]"));
  EXPECT_EQ(facts.arms[0].label, "nvme");
  EXPECT_EQ(text::to_line(facts.arms[0].storage),
            R"({"mount":{"source":"https://[redacted]@dav.host/share"}})");
  EXPECT_EQ(facts.same_storage.at(0).how, "[redacted] is the same");
}

TEST(Redaction, SurvivorsAreNamedWithoutThem) {
  EXPECT_THAT(
      measure::describe_survivors({{4711, "server --hf-token hf_cut..."}}),
      ElementsAre("process 4711 (server --hf-token [redacted]) could not be ended (kill -9 4711)"));
}

}  // namespace
}  // namespace coldload::measure
