#include "start_set/set_file.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "start_set/learner.h"

namespace coldload::start_set {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string set_of(const std::string& files) {
  return R"({"coldload_start_set":1,"source":"fanotify","files":[)" + files + "]}";
}

std::string entry(const std::string& path, const std::string& rest = R"("size":10,"ranges":[])") {
  return R"({"path":")" + path + R"(","group":"other","mtime_ns":0,)" + rest + "}";
}

std::string why_refused(const std::string& text) {
  try {
    (void)parse_start_set(text);
  } catch (const os::Error& error) {
    return error.what();
  }
  return "";
}

TEST(SetFile, ComesBackAsItWas) {
  StartSet set;
  set.source = Source::page_cache;
  set.files.push_back({"/usr/lib/a\"b\n.so", Group::program, 1 << 20, {{0, 8192}}, -1});
  set.files.push_back({"/m/w.safetensors", Group::weights, 7, {}, 1'700'000'000'123'456'789});
  const StartSet back = parse_start_set(to_text(set));
  EXPECT_EQ(back.source, Source::page_cache);
  EXPECT_THAT(back.remarks, IsEmpty());
  ASSERT_THAT(back.files, SizeIs(2));
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(back.files[i].path, set.files[i].path);
    EXPECT_EQ(back.files[i].group, set.files[i].group);
    EXPECT_EQ(back.files[i].bytes, set.files[i].bytes);
    EXPECT_EQ(back.files[i].changed_ns, set.files[i].changed_ns);
    EXPECT_EQ(back.files[i].in_memory, set.files[i].in_memory);
  }
}

TEST(SetFile, ClosesGapsThatTakeLongerToLeaveOut) {
  StartSet set;
  set.files.push_back({"/a", Group::other, 1 << 20, {{0, 4096}, {8192, 4096}, {524288, 4096}}, 0});
  EXPECT_THAT(parse_start_set(to_text(set)).files.at(0).in_memory,
              ElementsAre(Range{0, 12288}, Range{524288, 4096}));
}

TEST(SetFile, LeavesOutNamesThatJsonCannotHave) {
  StartSet set;
  set.files.push_back({"/a\xff", Group::other, 1, {}, 0});
  set.files.push_back({"/b", Group::other, 1, {}, 0});
  const StartSet back = parse_start_set(to_text(set));
  ASSERT_THAT(back.files, SizeIs(1));
  EXPECT_EQ(back.files[0].path, "/b");
}

TEST(SetFile, OfAnotherKindOrVersionIsRefused) {
  for (const char* const text : {"", "[1]", "{}", "nonsense", R"({"coldload_start_set":"1"})",
                                 R"({"coldload_start_set":1,"files":{}})"}) {
    EXPECT_THAT(why_refused(text), HasSubstr("no start set")) << text;
  }
  EXPECT_THAT(why_refused(R"({"coldload_start_set":2,"files":[]})"), HasSubstr("version 2"));
}

TEST(SetFile, PathsThatAreNoPlainFilesAreLeftOut) {
  for (const char* const path :
       {"", "/", "relative", "./a", "/a/../etc/shadow", "/a/./b", "/a//b", "/a/", "/a/..",
        "/proc/kcore", "/proc", "/sys/a", "/dev/sda", "/a\\u0000b"}) {
    const StartSet set = parse_start_set(set_of(entry(path) + "," + entry("/good")));
    ASSERT_THAT(set.files, SizeIs(1)) << path;
    EXPECT_EQ(set.files[0].path, "/good");
    EXPECT_THAT(set.remarks, ElementsAre(HasSubstr("1 of its entries is left out")));
  }
  const std::string longest(4096, 'a');
  EXPECT_THAT(parse_start_set(set_of(entry("/" + longest))).files, IsEmpty());
}

TEST(SetFile, SizesAndRangesThatLieAreLeftOut) {
  for (const char* const rest :
       {R"("size":-1,"ranges":[])", R"("size":18446744073709551615,"ranges":[])",
        R"("size":1.5,"ranges":[])", R"("ranges":[])", R"("size":10)", R"("size":10,"ranges":7)",
        R"("size":10,"ranges":[7])", R"("size":10,"ranges":[[0]])", R"("size":10,"ranges":[[0,0]])",
        R"("size":10,"ranges":[[0,11]])", R"("size":10,"ranges":[[11,1]])",
        R"("size":10,"ranges":[[-1,2]])", R"("size":10,"ranges":[[5,2],[0,2]])",
        R"("size":10,"ranges":[[0,5],[4,2]])",
        R"("size":10,"ranges":[[18446744073709551615,18446744073709551615]])"}) {
    EXPECT_THAT(parse_start_set(set_of(entry("/a", rest))).files, IsEmpty()) << rest;
  }
  EXPECT_THAT(parse_start_set(set_of("7,[],null")).files, IsEmpty());
}

TEST(SetFile, OfTooManyFilesTheFirstAreTaken) {
  std::string files = entry("/f");
  for (std::size_t i = 0; i < k_most_files; ++i) files += "," + entry("/f");
  const StartSet set = parse_start_set(set_of(files));
  EXPECT_THAT(set.files, SizeIs(k_most_files));
  EXPECT_THAT(set.remarks, ElementsAre(HasSubstr("the first 100000 are taken")));
}

TEST(SetFile, IsNeverWrittenLargerThanItIsRead) {
  constexpr std::size_t k_most_bytes = 40'000;
  StartSet set;
  const std::string name(3000, 'n');
  for (int i = 0; i < 20; ++i) set.files.push_back({"/" + name, Group::other, 1, {}, 0});
  const std::string text = to_text(set, k_most_bytes);
  EXPECT_LE(text.size(), k_most_bytes);
  EXPECT_EQ(parse_start_set(text).files.size(), 13U);
}

class SetFileOnDisk : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string why_unread(const std::string& name) {
    try {
      (void)read_start_set(folder_ / name);
    } catch (const os::Error& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path folder_ =
      std::filesystem::current_path() / ("set-file-" + std::to_string(::getpid()));
};

TEST_F(SetFileOnDisk, IsReadOnlyWhereItIsARegularFileOfItsSize) {
  EXPECT_THAT(why_unread("none"), HasSubstr("No such file"));
  EXPECT_THAT(why_unread(""), HasSubstr("directory"));
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(why_unread("fifo"), HasSubstr("FIFO"));
  std::filesystem::create_symlink("/dev/zero", folder_ / "device");
  EXPECT_THAT(why_unread("device"), HasSubstr("device"));
  std::ofstream(folder_ / "huge").put('{');
  std::filesystem::resize_file(folder_ / "huge", std::uintmax_t{1} << 30);
  EXPECT_THAT(why_unread("huge"), HasSubstr("larger than any start set"));
  std::ofstream(folder_ / "empty").flush();
  EXPECT_THAT(why_unread("empty"), HasSubstr("no start set"));
  std::ofstream(folder_ / "good") << set_of(entry("/a"));
  EXPECT_EQ(why_unread("good"), "");
}

}  // namespace
}  // namespace coldload::start_set
