#include "stage/selection.h"

#include <gtest/gtest.h>

namespace coldload::stage {
namespace {

TEST(Selection, TakesAllUnlessItIsToldElse) { EXPECT_TRUE(Selection().takes("sub/a")); }

TEST(Selection, LeavesOutFilesAndDirectoriesByTheirWholeNames) {
  Selection selection;
  selection.leave_out = {"original/", "pytorch_model.bin"};
  EXPECT_FALSE(selection.takes("original/a"));
  EXPECT_FALSE(selection.may_enter("original"));
  EXPECT_FALSE(selection.takes("pytorch_model.bin"));
  EXPECT_TRUE(selection.takes("originals/a"));
  EXPECT_TRUE(selection.takes("sub/pytorch_model.bin"));
}

// As huggingface-cli download reads them.
TEST(Selection, GlobsMatchTheWholePathAndAStarTakesSlashes) {
  Selection selection;
  selection.include = {"*.json", "sub/"};
  selection.exclude = {"*/b.json", "sub/x?"};
  EXPECT_TRUE(selection.takes("a.json"));
  EXPECT_TRUE(selection.takes("deep/down/a.json"));
  EXPECT_TRUE(selection.takes("sub/deep/weights"));
  EXPECT_FALSE(selection.takes("weights"));
  EXPECT_FALSE(selection.takes("deep/b.json"));
  EXPECT_FALSE(selection.takes("sub/x1"));
}

TEST(Selection, NamesOfSomeFilesAreThoseFilesAlone) {
  Selection selection;
  selection.only = {"a"};
  EXPECT_TRUE(selection.takes("a"));
  EXPECT_FALSE(selection.takes("b"));
  EXPECT_FALSE(selection.may_enter("sub"));
}

}  // namespace
}  // namespace coldload::stage
