#include "text/secret_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::text {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> found(const std::vector<std::string_view>& words) {
  std::vector<std::string> parts;
  for (const SecretPart& secret : secret_parts(words)) parts.emplace_back(secret.part);
  return parts;
}

TEST(SecretName, IsToldByItsWords) {
  for (const char* name :
       {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "hf_token", "API_KEY", "VLLM_API_KEY", "AWS_SECRET",
        "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "DB_PASSWORD", "PGPASSWD", "GIT_CREDENTIALS",
        "TOKEN", "TOKENS_SECRET", "TOKEN_OF_TOKENIZER"}) {
    EXPECT_TRUE(is_secret_name(name)) << name;
  }
  for (const char* name : {"", "HOME", "TOKENIZERS_PARALLELISM", "TOKENIZER", "MAX_TOKENS",
                           "TOKENIZE_ON_LOAD", "PASSIVE", "CUDA_VISIBLE_DEVICES"}) {
    EXPECT_FALSE(is_secret_name(name)) << name;
  }
}

TEST(SecretFlag, IsToldByItsLastWord) {
  for (const char* flag :
       {"--api-key", "--hf-token", "--hf_token", "--API-KEY", "--token", "--db-password",
        "--aws.secret", "--credentials", "apiKey", "api_key", "password", "-token"}) {
    EXPECT_TRUE(is_secret_flag(flag)) << flag;
  }
  for (const char* flag :
       {"", "-", "--", "--tokenizer", "--max-num-batched-tokens", "--kv-cache-dtype", "--key-cache",
        "--token-limit", "--ssl-keyfile", "--monkey", "--passwords", "key_cache", "hotkeys"}) {
    EXPECT_FALSE(is_secret_flag(flag)) << flag;
  }
}

TEST(SecretParts, AreTheValuesOfFlags) {
  EXPECT_THAT(found({"serve", "--hf-token", "abc", "/model", "--api-key=d=f", "--port", "1"}),
              ElementsAre("abc", "d=f"));
  EXPECT_THAT(found({"--password", "-dashed"}), ElementsAre("-dashed"));
  EXPECT_THAT(found({"--token", "--port", "1"}), IsEmpty());
  EXPECT_THAT(found({"--token"}), IsEmpty());
  EXPECT_THAT(found({"--token", ""}), IsEmpty());
}

TEST(SecretParts, AreAllValuesOfAnApiKeyButNotTheModel) {
  EXPECT_THAT(found({"--api-key", "one", "two", "--port", "1"}), ElementsAre("one", "two"));
  EXPECT_THAT(found({"--api-key", "/one", "/models/m"}), ElementsAre("/one"));
  EXPECT_THAT(found({"--api-key", "one", "{model}", "x"}), ElementsAre("one", "x"));
}

TEST(SecretParts, AreValuesOfNames) {
  EXPECT_THAT(found({"env", "API_KEY=x", "PORT=1", "vllm"}), ElementsAre("x"));
  EXPECT_THAT(found({"--env", "HF_TOKEN=x", "--env=MY_SECRET=y", "-eDB_PASSWORD=z"}),
              ElementsAre("x", "y", "z"));
  EXPECT_THAT(found({"--env", "API_KEY=two words"}), ::testing::Contains("two words"));
  EXPECT_THAT(found({"TOKENIZERS_PARALLELISM=false", "MAX_TOKENS=5"}), IsEmpty());
}

TEST(SecretParts, AreFoundInAShellsLine) {
  EXPECT_THAT(found({"sh", "-c", "HF_TOKEN=abc exec vllm --api-key 'd e' --port 1; KEY=\"f\" x"}),
              ElementsAre("abc", "d e", "f"));
  EXPECT_THAT(found({"bash", "-lc", "sh -c \"API_KEY=inner run\""}), ElementsAre("inner"));
  EXPECT_THAT(found({"curl -H 'Authorization: Bearer xyz' http://h/"}), ElementsAre("xyz"));
}

TEST(SecretParts, AreNoVariablesAndPlaceholders) {
  EXPECT_THAT(found({"sh", "-c", "server --api-key $API_KEY --hf-token ${HF_TOKEN}"}), IsEmpty());
  EXPECT_THAT(found({"--token", "{port}"}), IsEmpty());
  EXPECT_THAT(found({"--token", "[redacted]"}), IsEmpty());
  EXPECT_THAT(found({"--password", "$ecret!"}), ElementsAre("$ecret!"));
}

TEST(SecretParts, AreTheUserAndPasswordOfAUrl) {
  EXPECT_THAT(found({"--proxy", "http://me:pass@host:1/x"}), ElementsAre("me:pass", "pass"));
  EXPECT_THAT(found({"https://token@host"}), ElementsAre("token"));
  EXPECT_THAT(found({"https://token:x-oauth-basic@host"}),
              ElementsAre("token:x-oauth-basic", "token"));
  EXPECT_THAT(found({"http://host/a@b", "http://host:80?x=@", "a@b", "://@x"}), IsEmpty());
}

TEST(SecretParts, AreValuesOfJson) {
  EXPECT_THAT(found({"--override", R"({"hf_token":"x", "a": {"apiKey" : "y"}, "max_tokens": 5})"}),
              ElementsAre("x", "y"));
  EXPECT_THAT(found({R"(--config={"api_key": ["one", "two"], "secret": 123})"}),
              ElementsAre("one", "two", "123"));
  EXPECT_THAT(found({"{'password': 'a\\'b'}"}), ElementsAre("a\\'b"));
  EXPECT_THAT(found({"{\"token\"", "\"token\":", "{\"token\": \"x", "'"}), ElementsAre("\"x"));
}

TEST(SecretParts, AreFoundBehindSeveralAssignments) {
  EXPECT_THAT(found({"A=B=API_KEY=value"}), ElementsAre("value"));
}

// What a scan that begins anew at every word, mark or name cannot do: it took minutes,
// or all of the stack.
TEST(SecretParts, OfAQuarterMegabyteAreFoundInOnePass) {
  constexpr std::size_t k_bytes = 1 << 18;
  for (const std::string_view unit :
       {"a=", "tok ", "--api-key=x ", "Bearer ", "://", "http://u:p@h ", "\"", "'\"", "\"\\\"",
        "\"key\":", "\"key\":[", "\"key\":a", "\"key\": 'x', ", "\"k ", "A_TOKEN=x;", "-c ", "\\",
        "aA_"}) {
    std::string text;
    while (text.size() < k_bytes) text += unit;
    std::size_t bytes = 0;
    for (const SecretPart& secret : secret_parts({text})) bytes += secret.part.size();
    EXPECT_LE(bytes, 2 * text.size()) << unit;
  }
}

TEST(RedactCommandLine, KeepsAllButTheValues) {
  EXPECT_EQ(redact_command_line("python3 -m x --api-key abc def --port 1 HF_TOKEN=g"),
            "python3 -m x --api-key [redacted] [redacted] --port 1 HF_TOKEN=[redacted]");
  EXPECT_EQ(redact_command_line("server --hf-token cut..."), "server --hf-token [redacted]");
  EXPECT_EQ(redact_command_line(""), "");
}

}  // namespace
}  // namespace coldload::text
