#include "server/token_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::server {
namespace {

using ::testing::HasSubstr;

os::TimePoint ms(int count) { return os::TimePoint(std::chrono::milliseconds(count)); }

TokenOutcome whole(const std::string& body) {
  TokenEvents events;
  events.take(body, ms(1));
  events.end(ms(2));
  return events.result().value_or(TokenOutcome{std::nullopt, "nothing came of it"});
}

TEST(TokenEvents, FindsTheTokenOfEveryKindOfServer) {
  for (const char* data :
       {R"({"choices":[{"index":0,"text":" world","finish_reason":"length"}]})",
        R"({"choices":[{"delta":{"content":"Hi"},"finish_reason":null}]})",
        R"({"choices":[{"delta":{"content":null,"reasoning_content":"Hm"}}]})",
        R"({"choices":[{"delta":{"reasoning":"Hm"}}]})",
        R"({"index":1,"token":{"id":5,"text":"","special":true},"generated_text":null})"}) {
    const TokenOutcome token = whole("data: " + std::string(data) + "\n\n");
    EXPECT_EQ(token.at, ms(1)) << data << token.reason;
    EXPECT_EQ(token.reason, "") << data;
  }
}

TEST(TokenEvents, StampsThePieceThatCompletesTheFirstEventWithAToken) {
  TokenEvents events;
  events.take(": ping\r\n\r\nid: 1\r\nevent: x\r\ndata: {\"choices\":[{\"delta\":{\"role\":",
              ms(1));
  events.take("\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\r\n\r", ms(2));
  events.take("\ndata:{\"choices\":[{\"text\":\"a\"", ms(3));
  EXPECT_FALSE(events.result());
  events.take("}]}\n", ms(4));
  ASSERT_TRUE(events.result());
  EXPECT_EQ(events.result()->at, ms(4));
  events.take("data: {\"choices\":[{\"text\":\"b\"}]}\n\n", ms(5));
  events.end(ms(6));
  EXPECT_EQ(events.result()->at, ms(4));
}

TEST(TokenEvents, GivesTheSameHoweverTheBodyIsCut) {
  const std::string body =
      "data: {\"choices\":[]}\n\ndata: {\"choices\":\ndata: [{\"text\":\"a\"}]}\n\ndata: "
      "[DONE]\n\n";
  for (std::size_t bytes = 1; bytes <= body.size(); ++bytes) {
    TokenEvents events;
    for (std::size_t at = 0; at < body.size(); at += bytes) {
      events.take(body.substr(at, bytes), ms(1));
    }
    ASSERT_TRUE(events.result());
    EXPECT_EQ(events.result()->at, ms(1)) << bytes << events.result()->reason;
  }
}

TEST(TokenEvents, ATokenWithoutTextCountsAndIsSaid) {
  const TokenOutcome token =
      whole("data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}\n\n");
  EXPECT_EQ(token.at, ms(1));
  EXPECT_THAT(token.reason, HasSubstr("no text (finish_reason length)"));
}

TEST(TokenEvents, AnAnswerThatIsNotStreamedCountsAtItsEnd) {
  for (const char* body : {"{\"choices\":[{\"text\":\"a\"}]}", "\n [{\"generated_text\":\"a\"}]\n",
                           "{\"choices\":[{\"message\":{\"content\":\"a\"}}]}"}) {
    const TokenOutcome token = whole(body);
    EXPECT_EQ(token.at, ms(2)) << body << token.reason;
    EXPECT_THAT(token.reason, HasSubstr("not streamed")) << body;
  }
}

TEST(TokenEvents, NoTokenHasAReason) {
  const std::vector<std::pair<std::string, const char*>> cases{
      {"", "empty"},
      {"  \n\n", "empty"},
      {"hello", "ended without a token"},
      {"data: [DONE]\n\n", "ended without a token"},
      {"data: not JSON\n\ndata: 5\n\ndata: {}\n\ndata:\n\n", "ended without a token"},
      {"data: {\"error\":{\"message\":\"no such\\u001b model\"}}\n\n", "no such"},
      {"error: {\"message\":\"busy\"}\n\n", "busy"},
      {"{\"error\":\"busy\"}", "busy"},
      {"{\"choices\":[{\"text\":\"\"}]}", "holds no token"},
      {"{\"choices\":", "holds no token: {\"choices\":"},
      {"[]", "holds no token"},
      {"data: {\"choices\":{}}\ndata: {\"choices\":[7]}\n\n", "ended without a token"},
      {"data: " + std::string(100000, '[') + "\n\n", "longer than 64 KiB"},
      {"data: " + std::string(60000, '[') + "\n\n", "ended without a token"},
      {std::string(70000, 'x'), "longer than 64 KiB"},
      {"{" + std::string(70000, ' '), "longer than 64 KiB"},
  };
  for (const auto& [body, reason] : cases) {
    const TokenOutcome token = whole(body);
    EXPECT_FALSE(token.at) << body.substr(0, 100);
    EXPECT_THAT(token.reason, HasSubstr(reason)) << body.substr(0, 100);
    EXPECT_EQ(token.reason.find('\x1b'), std::string::npos);
    EXPECT_LT(token.reason.size(), 400U);
  }
}

TEST(TokenEvents, ManyLinesOfOneEventAreBounded) {
  TokenEvents events;
  std::string body;
  for (int i = 0; i < 100000; ++i) body += "data: [\n";
  events.take(body, ms(1));
  ASSERT_TRUE(events.result());
  EXPECT_THAT(events.result()->reason, HasSubstr("longer than 64 KiB"));
}

}  // namespace
}  // namespace coldload::server
