#include "os/mapping.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "os/error.h"
#include "os/file.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

TEST(Mapping, ShowsTheFilesContent) {
  const TemporaryDirectory directory("mapping-test");
  replace_text(directory.path() + "/file", "content");
  const Fd file = open_file(directory.path() + "/file", O_RDONLY);
  const Mapping mapping = Mapping::of_file(file, file_size(file));
  ASSERT_EQ(mapping.size(), 7U);
  EXPECT_EQ(std::memcmp(mapping.data(), "content", 7), 0);
}

TEST(Mapping, WithoutAccessIsEnoughForMincore) {
  const TemporaryDirectory directory("mapping-test");
  replace_text(directory.path() + "/file", std::string(3 * page_size() + 1, 'x'));
  const Fd file = open_file(directory.path() + "/file", O_RDONLY);
  const Mapping mapping = Mapping::of_file_without_access(file, file_size(file));
  std::vector<unsigned char> pages(4);
  EXPECT_EQ(::mincore(mapping.data(), mapping.size(), pages.data()), 0);
}

TEST(Mapping, OfAnEmptyFileIsEmpty) {
  const TemporaryDirectory directory("mapping-test");
  replace_text(directory.path() + "/file", "");
  const Fd file = open_file(directory.path() + "/file", O_RDONLY);
  EXPECT_EQ(Mapping::of_file(file, 0).size(), 0U);
  EXPECT_EQ(Mapping::of_file_without_access(file, 0).data(), nullptr);
}

TEST(Mapping, AnonymousMemoryIsZeroedAndPageAligned) {
  const Mapping mapping = Mapping::anonymous(10000);
  ASSERT_EQ(mapping.bytes().size(), 10000U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mapping.data()) % page_size(), 0U);
  for (const std::byte value : mapping.bytes()) ASSERT_EQ(value, std::byte{0});
}

TEST(Mapping, UnmapsOnceAndOnlyWhatItOwns) {
  Mapping first = Mapping::anonymous(page_size());
  std::byte* address = first.data();
  Mapping second = std::move(first);
  EXPECT_EQ(first.data(), nullptr);  // NOLINT(bugprone-use-after-move): that is the question
  EXPECT_EQ(second.data(), address);
  second.reset();
  // The pages are gone: mincore on them fails.
  unsigned char page = 0;
  EXPECT_NE(::mincore(address, page_size(), &page), 0);
}

TEST(Mapping, ThrowsWhereTheFileCannotBeMapped) {
  const Fd directory = open_file("/", O_RDONLY | O_DIRECTORY);
  EXPECT_THROW(static_cast<void>(Mapping::of_file(directory, 4096)), SystemError);
}

}  // namespace
}  // namespace coldload::os
