#include "report/summary.h"

#include <gtest/gtest.h>

namespace coldload::report {
namespace {

std::string sentence_for(const char* text, std::optional<double> value, bool fulfilled) {
  return condition_sentence(findings::parse_condition(text), {value, fulfilled});
}

TEST(ConditionSentence, SaysWhatTheFigureIsAndWhatThatMeans) {
  EXPECT_EQ(sentence_for("load_s.net>32", 33, true), "load_s.net is 33, above 32");
  EXPECT_EQ(sentence_for(" load_s.net >32", 33, true), "load_s.net is 33, above 32");
  EXPECT_EQ(sentence_for("load_s.net<32", 33, false), "load_s.net is 33, not below 32");
}

TEST(ConditionSentence, SaysWhatIsNotKnown) {
  EXPECT_EQ(sentence_for("ratio.net>2", std::nullopt, true), "ratio.net is not known: ratio.net>2");
}

}  // namespace
}  // namespace coldload::report
