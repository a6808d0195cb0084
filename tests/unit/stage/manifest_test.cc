#include "stage/manifest.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "os/error.h"
#include "unit/stage/scratch.h"

namespace coldload::stage {
namespace {

using ::testing::HasSubstr;

SourceTree one_file(std::uint64_t bytes) {
  SourceTree tree;
  tree.root = "/mnt/net/m";
  tree.files.push_back({"a.safetensors", "/mnt/net/m/a.safetensors", bytes, -5});
  return tree;
}

std::string refusal(const std::string& text) {
  try {
    (void)parse_manifest(text, "m.coldload.json");
  } catch (const os::Error& error) {
    return error.what();
  }
  return "";
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(Manifest, ComesBackAsItWasWritten) {
  Manifest manifest = blank_manifest(one_file(2 * k_chunk_bytes + 1));
  manifest.directories = {"sub"};
  ASSERT_EQ(manifest.files[0].chunks.size(), 3U);
  manifest.files[0].chunks[1] = hash_of(std::as_bytes(std::span("abc", 3)));
  const std::string text = to_text(manifest);
  const Manifest again = parse_manifest(text, "x");
  EXPECT_EQ(to_text(again), text);
  EXPECT_EQ(again.files[0].mtime_ns, -5);
  EXPECT_EQ(again.source, "/mnt/net/m");
}

// As `printf abc | xxhsum -H2` prints it.
TEST(Manifest, HashesAsXxhsumDoes) {
  EXPECT_EQ(to_text(hash_of(std::as_bytes(std::span("abc", 3)))),
            "06b05ab6733a618578af5f94892f3950");
  Hasher hasher;
  hasher.add(std::as_bytes(std::span("a", 1)));
  hasher.add(std::as_bytes(std::span("bc", 2)));
  EXPECT_EQ(to_text(hasher.hash()), "06b05ab6733a618578af5f94892f3950");
}

TEST(Manifest, WhatIsNotOneIsRefused) {
  const std::string good = to_text(blank_manifest(one_file(5)));
  EXPECT_EQ(refusal(good), "");
  EXPECT_THAT(refusal("{"), HasSubstr("no JSON object"));
  EXPECT_THAT(refusal("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(refusal(replaced(good, "\"coldload_manifest\":1", "\"coldload_manifest\":2")),
              HasSubstr("newer coldload"));
  for (const char* name : {"../a", "/a", "a/../b", "", "a//b", ".", "a/"}) {
    EXPECT_THAT(refusal(replaced(good, "a.safetensors", name)), HasSubstr("file name")) << name;
  }
  EXPECT_THAT(refusal(replaced(good, "\"bytes\":5", "\"bytes\":16777217")),
              HasSubstr("fit its size"));
  EXPECT_THAT(refusal(replaced(good, "\"bytes\":5", "\"bytes\":-5")), HasSubstr("lacks"));
  for (const char* key : {"bytes", "source_mtime_ns", "staged_mtime_ns", "chunks"}) {
    const std::string quoted = fmt::format("\"{}\":", key);
    EXPECT_THAT(refusal(replaced(good, quoted, "\"x\":")), HasSubstr("lacks")) << key;
    EXPECT_THAT(refusal(replaced(good, quoted, quoted + "\"a\",\"x\":")), HasSubstr("lacks"))
        << key;
  }
  const std::string hash(32, '0');
  for (const std::size_t place : {0U, 15U, 16U, 31U}) {
    std::string wrong = hash;
    wrong[place] = 'g';
    EXPECT_THAT(refusal(replaced(good, hash, wrong)), HasSubstr("hash")) << place;
  }
  EXPECT_THAT(refusal(replaced(good, hash, "0")), HasSubstr("hash"));
}

TEST(Manifest, TellsWhatDiffers) {
  const SourceTree tree = one_file(5);
  const Manifest manifest = blank_manifest(tree);
  EXPECT_EQ(difference(manifest, tree, Side::source), "");
  SourceTree other = tree;
  other.files[0].bytes = 6;
  EXPECT_EQ(difference(manifest, other, Side::source), "a.safetensors has 6 bytes instead of 5");
  other = tree;
  other.files[0].mtime_ns = 7;
  EXPECT_EQ(difference(manifest, other, Side::source), "a.safetensors was written at another time");
  other = tree;
  other.files.push_back({"b", "/b", 1, 1});
  EXPECT_EQ(difference(manifest, other, Side::source), "b is new");
  EXPECT_EQ(difference(blank_manifest(other), tree, Side::source), "b is missing");
  other.files.erase(other.files.begin());
  EXPECT_EQ(difference(manifest, other, Side::source), "a.safetensors is missing");
  other.files[0].name = "A";
  EXPECT_EQ(difference(manifest, other, Side::source), "A is new");
}

}  // namespace
}  // namespace coldload::stage
