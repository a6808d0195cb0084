#include "cli/note_tally.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NoteTally, CountsNotesThatDifferInTheirFiguresAlone) {
  NoteTally tally;
  EXPECT_TRUE(tally.add("1.2 cores were busy with other work before launch"));
  EXPECT_THAT(tally.lines(), IsEmpty());
  EXPECT_FALSE(tally.add("0.7 cores were busy with other work before launch"));
  EXPECT_TRUE(tally.add("others moved 980 MB/s on vda before launch"));
  EXPECT_FALSE(tally.add("others moved 1.21 GB/s on vda before launch"));
  EXPECT_FALSE(tally.add("others moved 99 MB/s on vda before launch"));
  EXPECT_THAT(
      tally.lines(),
      ElementsAre("2 runs with this note: 1.2 cores were busy with other work before launch",
                  "3 runs with this note: others moved 980 MB/s on vda before launch"));
}

TEST(NoteTally, TellsNotesOfOtherWordsApart) {
  NoteTally tally;
  EXPECT_TRUE(tally.add("others moved 980 MB/s on vda before launch"));
  EXPECT_TRUE(tally.add("others moved 980 MB/s on vdb before launch"));
  EXPECT_TRUE(tally.add("others moved 980 MB/s on nvme0n1 before launch"));
  EXPECT_TRUE(tally.add("others moved 980 MB/s on nvme1n1 before launch"));
  EXPECT_THAT(tally.lines(), IsEmpty());
}

}  // namespace
}  // namespace coldload::cli
