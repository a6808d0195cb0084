#include "start_set/mapped_files.h"

#include <algorithm>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"
#include "os/mapping.h"
#include "unit/temporary_directory.h"

namespace coldload::start_set {
namespace {

std::string path_in(std::string_view rest_of_line) {
  const auto file =
      parse_maps_line("7f5c-7f5d r-xp 00000000 fe:10 1234 " + std::string(rest_of_line));
  return file ? file->path : "none";
}

TEST(MapsLine, HasPathAndIdentity) {
  const auto file = parse_maps_line(
      "7f5c4d000000-7f5c4d022000 r-xp 00000000 fe:10 1234                       "
      "/usr/lib/libc.so.6");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->path, "/usr/lib/libc.so.6");
  EXPECT_EQ(file->id, (os::FileId{makedev(0xfe, 0x10), 1234}));
}

TEST(MapsLine, KeepsWhateverANameHas) {
  EXPECT_EQ(path_in("   /a b  c "), "/a b  c ");
  EXPECT_EQ(path_in("/a [heap]"), "/a [heap]");
  EXPECT_EQ(path_in("/two\\012lines"), "/two\nlines");
  EXPECT_EQ(path_in("/a\\040b\\"), "/a\\040b\\") << "no more than line feeds is written otherwise";
  EXPECT_EQ(path_in("/gone (deleted)"), "/gone (deleted)");
}

TEST(MapsLine, SaysWhichPartLiesWhere) {
  const auto file =
      parse_maps_line("7f5c00000000-7f5c00003000 r-xp 00002000 fe:00 12   /usr/lib/a.so");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->address, 0x7f5c00000000U);
  EXPECT_EQ(file->bytes, 0x3000U);
  EXPECT_EQ(file->offset, 0x2000U);
  EXPECT_TRUE(file->is_code);
  EXPECT_FALSE(parse_maps_line("7f5c-7f5d r--p 0 fe:00 12   /usr/lib/a.so")->is_code);
}

TEST(MapsLine, OfNoSpanIsNone) {
  for (const char* const line : {"80-7f r--p 0 fe:00 1   /a", "x-y r--p 0 fe:00 1   /a",
                                 "7f r--p 0 fe:00 1   /a", "7f-80 r--p x fe:00 1   /a"}) {
    EXPECT_FALSE(parse_maps_line(line)) << line;
  }
}

TEST(MapsLine, OfWhatIsNoFileIsNone) {
  for (const char* const rest : {"", "   ", "[heap]", "[anon: a/b]", "socket:[1/2]"}) {
    EXPECT_EQ(path_in(rest), "none") << rest;
  }
  for (const char* const line :
       {"", " ", "/a", "x /a", "7f-7f r 0 /a", "7f-7f r 0 fe:10 /a", "7f-7f r 0 fe 12 /a",
        "7f-7f r 0 1:2:3 12 /a", "7f-7f r 0 fe:10 99999999999999999999999 /a"}) {
    EXPECT_FALSE(parse_maps_line(line)) << line;
  }
}

// A file that this process maps for as long as this lives.
struct MappedHere {
  explicit MappedHere(const std::string& path) {
    os::replace_text(path, std::string(8192, 'x'));
    mapping = os::Mapping::of_file(os::open_file(path, O_RDONLY), 8192);
  }
  os::Mapping mapping;
};

TEST(FilesMappedBy, ThisProcessHaveTheirNamesWhateverTheyAre) {
  const TemporaryDirectory scratch{"coldload-mapped"};
  const std::string folder = std::filesystem::canonical(scratch.path()).string();
  for (const char* const name : {"plain", "a  b", "two\nlines", "back\\040slash", "x (deleted)"}) {
    const std::string path = folder + "/" + name;
    const MappedHere mapped(path);
    const auto files = files_mapped_by(::getpid());
    EXPECT_TRUE(std::any_of(files.begin(), files.end(), [&](const MappedFile& file) {
      return file.path == path;
    })) << name;
    EXPECT_EQ(MappedFiles::of_all().mapped_by(path), ::getpid()) << name;
  }
}

TEST(FilesMappedBy, AProcessThatIsNotThereAreNone) { EXPECT_TRUE(files_mapped_by(-1).empty()); }

TEST(MappedFilesOfAll, KnowAFileByAnotherNameToo) {
  const TemporaryDirectory scratch{"coldload-mapped"};
  const std::string path = scratch.path() + "/first";
  const MappedHere mapped(path);
  std::filesystem::create_hard_link(path, scratch.path() + "/second");
  std::filesystem::remove(path);
  EXPECT_EQ(MappedFiles::of_all().mapped_by(scratch.path() + "/second"), ::getpid());
}

TEST(MappedFilesOfAll, AreNotThoseThatNobodyMaps) {
  const TemporaryDirectory scratch{"coldload-mapped"};
  const std::string path = scratch.path() + "/file";
  os::replace_text(path, "x");
  EXPECT_FALSE(MappedFiles::of_all().mapped_by(path));
  EXPECT_FALSE(MappedFiles::of_all().mapped_by(scratch.path() + "/none"));
}

}  // namespace
}  // namespace coldload::start_set
