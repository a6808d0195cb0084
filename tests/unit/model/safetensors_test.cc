#include "model/safetensors.h"

#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/model/scratch.h"

namespace coldload::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Safetensors : public ::testing::Test {
 protected:
  ShardHeader read(const std::string& content, std::size_t piece_bytes = 1 << 20) {
    return read_shard_header(os::open_regular(scratch_.write("m.safetensors", content)),
                             piece_bytes);
  }

  // Whatever the pieces in which the header arrives, the answer is the same.
  std::string refusal(const std::string& content) {
    const std::string message = error_of([&] { read(content); });
    for (const std::size_t piece : {1U, 3U, 7U}) {
      EXPECT_EQ(error_of([&] { read(content, piece); }).substr(0, 40), message.substr(0, 40));
    }
    EXPECT_THAT(message, HasSubstr(scratch_.path("m.safetensors")));
    return message;
  }

  Scratch scratch_;
};

TEST_F(Safetensors, KnowsNameDtypeShapeAndPlaceOfEveryTensor) {
  const std::string file = safetensors(
      R"({"__metadata__":{"format":"pt"},"b":{"data_offsets":[4,10],"shape":[3,1],"dtype":"BF16"},)"
      R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"more":[{"x":null}]}}   )",
      6 + 4);
  for (const std::size_t piece : {1U, 2U, 5U, 1U << 20U}) {
    const ShardHeader header = read(file, piece);
    ASSERT_EQ(header.tensors().size(), 2U);
    const Tensor& first = header.tensors()[0];
    EXPECT_EQ(header.name(first), "a");
    EXPECT_EQ(first.dtype, Dtype::f32);
    EXPECT_THAT(header.shape(first), ElementsAre());
    EXPECT_EQ(first.bytes(), 4U);
    const Tensor& second = header.tensors()[1];
    EXPECT_EQ(header.name(second), "b");
    EXPECT_EQ(name_of(second.dtype), "BF16");
    EXPECT_THAT(header.shape(second), ElementsAre(3U, 1U));
    EXPECT_EQ(second.begin, 4U);
    EXPECT_EQ(second.end, 10U);
    EXPECT_EQ(header.data_bytes(), 10U);
    EXPECT_EQ(header.data_begin() + header.data_bytes(), file.size());
  }
}

TEST_F(Safetensors, KeepsLargeDimensions) {
  const ShardHeader header = read(safetensors(
      R"({"w":{"dtype":"U8","shape":[0,127,128,16384,9223372036854775807,18446744073709551615],)"
      R"("data_offsets":[0,0]}})"));
  EXPECT_THAT(header.shape(header.tensors()[0]),
              ElementsAre(0U, 127U, 128U, 16384U, 9223372036854775807U, 18446744073709551615U));
}

TEST_F(Safetensors, AcceptsWhatTheFormatAllows) {
  const std::vector<std::string> valid{
      safetensors("{}"),
      safetensors("{}      "),
      safetensors("{ }\n\t\r "),
      safetensors(R"({"__metadata__":{}})"),
      safetensors(R"({"__metadata__":null})"),
      // Unaligned data.
      safetensors(R"({"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}} )", 8),
      // Empty tensors, at the start, between and at the end.
      safetensors(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
                  R"("b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                  R"("c":{"dtype":"I64","shape":[4,0],"data_offsets":[2,2]}})",
                  2),
      // Two elements of four bits, four of six.
      safetensors(R"({"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]},)"
                  R"("b":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[1,4]}})",
                  4),
      safetensors(R"({"":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", 1),
      safetensors(
          "{\"\xE6\x97\xA5\\u672c\":{\"dtype\":\"C64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8),
  };
  for (const std::string& file : valid) EXPECT_NO_THROW(read(file)) << file;
}

TEST_F(Safetensors, KnowsEveryDtypeOfTheLibrary) {
  const std::vector<std::pair<std::string, unsigned>> dtypes{
      {"BOOL", 8}, {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
      {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
      {"I16", 16}, {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"F8_E5M2FNUZ", 8},
      {"I32", 32}, {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
      {"I64", 64}, {"U64", 64}};
  EXPECT_EQ(dtypes.size(), k_dtype_count);
  for (const auto& [name, bits] : dtypes) {
    const ShardHeader header =
        read(safetensors("{\"w\":{\"dtype\":\"" + name + "\",\"shape\":[8],\"data_offsets\":[0," +
                             std::to_string(bits) + "]}}",
                         bits));
    EXPECT_EQ(name_of(header.tensors().at(0).dtype), name);
  }
}

struct Malformed {
  std::string what;
  std::string file;
  std::string message;  // a part of it
};

std::string with_w(const std::string& fields, std::size_t data_bytes = 4) {
  return safetensors("{\"w\":{" + fields + "}}", data_bytes);
}

std::vector<Malformed> bad_files() {
  return {
      {"empty file", "", "too few"},
      {"seven bytes", "1234567", "too few"},
      {"no header", safetensors(""), "ends in the middle"},
      {"length past the file", safetensors("{}", 0, 3), "only 10 bytes long"},
      {"length far past the file", safetensors("{}", 0, 90'000'000), "only 10 bytes long"},
      {"2^63", safetensors("{}", 0, std::uint64_t{1} << 63U), "9223372036854775808 bytes, more"},
      {"2^64-1", safetensors("{}", 0, ~std::uint64_t{0}), "limit of 100000000"},
      {"over 100 MB", safetensors("{}", 0, 100'000'001), "limit of 100000000"},
      {"not JSON", safetensors("{w}"), "not valid JSON"},
      {"an array", safetensors("[]"), "does not begin with '{'"},
      {"a blank first", safetensors(" {}"), "does not begin with '{'"},
      {"a byte order mark", safetensors("\xEF\xBB\xBF{}"), "does not begin with '{'"},
      {"zeros", safetensors(std::string(8, '\0')), "does not begin with '{'"},
      {"cut short", safetensors(R"({"w":)"), "ends in the middle"},
      {"text after the JSON", safetensors("{} x"), "more than blanks after its JSON, at byte 3"},
      {"zeros after the JSON", safetensors(std::string("{}\0\0", 4)), "more than blanks"},
      {"a second object", safetensors("{}{}"), "more than blanks"},
      {"a comment", safetensors("{/**/}"), "not valid JSON"},
      {"a trailing comma", safetensors(R"({"__metadata__":{},})"), "not valid JSON"},
      {"a control character", safetensors("{\"\n\":{}}"), "not valid JSON"},
      {"invalid UTF-8", safetensors("{\"\xFF\":{}}"), "not valid JSON"},
      {"overlong UTF-8", safetensors("{\"\xC0\x80\":{}}"), "not valid JSON"},
      {"a surrogate in UTF-8", safetensors("{\"\xED\xA0\x80\":{}}"), "not valid JSON"},
      {"half a surrogate pair", safetensors(R"({"\ud800":{}})"), "not valid JSON"},
      {"deep nesting", with_w("\"x\":" + std::string(5000, '[') + std::string(5000, ']')),
       "too deep"},
  };
}

std::vector<Malformed> bad_tensors() {
  const std::string dtype = R"("dtype":"F32")";
  const std::string shape = R"("shape":[1])";
  const std::string offsets = R"("data_offsets":[0,4])";
  return {
      {"no object", safetensors(R"({"w":1})"), R"(tensor "w" is a number, not an object)"},
      {"null", safetensors(R"({"w":null})"), R"(tensor "w" is null)"},
      {"an array", safetensors(R"({"w":["F32",[1],[0,4]]})", 4), R"(tensor "w" is an array)"},
      {"no dtype", with_w(shape + ',' + offsets), R"(tensor "w" has no dtype)"},
      {"no shape", with_w(dtype + ',' + offsets), R"(tensor "w" has no shape)"},
      {"no offsets", with_w(dtype + ',' + shape), R"(tensor "w" has no data_offsets)"},
      {"two dtypes", with_w(dtype + ',' + dtype), "two fields dtype"},
      {"dtype a number", with_w(R"("dtype":32)"), "a number as its dtype"},
      {"dtype null", with_w(R"("dtype":null)"), "null as its dtype"},
      {"unknown dtype", with_w(R"("dtype":"F33",)" + shape + ',' + offsets), R"(know, "F33")"},
      {"small letters", with_w(R"("dtype":"f32",)" + shape + ',' + offsets), R"(know, "f32")"},
      {"shape a number", with_w(R"("shape":1)"), "a number as its shape"},
      {"shape an object", with_w(R"("shape":{})"), "an object as its shape"},
      {"negative dimension", with_w(R"("shape":[-1])"), "a negative number in its shape"},
      {"minus zero", with_w(R"("shape":[-0])"), "a negative number in its shape"},
      {"fractional dimension", with_w(R"("shape":[1.5])"), "fractional"},
      {"1.0", with_w(R"("shape":[1.0])"), "fractional"},
      {"2^64", with_w(R"("shape":[18446744073709551616])"), "too large"},
      {"dimension a string", with_w(R"("shape":["1"])"), "a string in its shape"},
      {"dimension an array", with_w(R"("shape":[[1]])"), "an array in its shape"},
      {"negative offset", with_w(R"("data_offsets":[-4,0])"), "negative number in its data_off"},
      {"one offset", with_w(R"("data_offsets":[0])"), "has 1 data_offsets"},
      {"three offsets", with_w(R"("data_offsets":[0,4,8])"), "more than 2"},
      {"offsets an object", with_w(R"("data_offsets":{})"), "an object as its data_offsets"},
      {"ends before it begins", with_w(dtype + R"(,"shape":[0],"data_offsets":[4,0])"),
       "end before they begin"},
      {"size too small", with_w(dtype + R"(,"shape":[2],)" + offsets), "needs 8 bytes"},
      {"size too large", with_w(dtype + R"(,"shape":[0],)" + offsets), "needs 0 bytes"},
      {"shape overflows",
       with_w(dtype + R"(,"shape":[4294967296,4294967296],"data_offsets":[0,0])"), "overflows"},
      {"shape overflows before a zero",
       with_w(dtype + R"(,"shape":[9223372036854775808,2,0],"data_offsets":[0,0])"), "overflows"},
      {"bytes overflow", with_w(dtype + R"(,"shape":[9223372036854775808],"data_offsets":[0,0])"),
       "overflows"},
      {"half a byte", with_w(R"("dtype":"F4","shape":[1],"data_offsets":[0,0])"), "whole bytes"},
      {"past the data", with_w(dtype + ',' + shape + ',' + offsets, 3), "holds only 3 bytes"},
      {"far past the data",
       with_w(dtype + R"(,"shape":[144115188075855872],)"
                      R"("data_offsets":[0,576460752303423488])"),
       "holds only 4 bytes"},
      {"bytes after the last tensor", with_w(dtype + ',' + shape + ',' + offsets, 5),
       "bytes after the last tensor"},
      {"data without tensors", safetensors("{}", 1), "bytes after the last tensor"},
      {"a gap at the start", with_w(dtype + R"(,"shape":[1],"data_offsets":[4,8])", 8),
       "no tensor owns"},
      {"a name in red", safetensors("{\"\\u001b[31m\":1}"), "\"\xEF\xBF\xBD[31m\" is a number"},
  };
}

std::vector<Malformed> bad_sets() {
  const auto two = [](const std::string& first, const std::string& second, std::size_t bytes) {
    return safetensors(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + first +
                           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + second + "}}",
                       bytes);
  };
  const std::string u8 = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  return {
      {"same place", two("[0,2]", "[0,2]", 2), R"(tensor "b" begins at byte 0)"},
      {"overlap", two("[0,2]", "[1,3]", 3), "overlaps"},
      {"overlap, named backwards", two("[1,3]", "[0,2]", 3), R"(tensor "a" begins at byte 1)"},
      {"gap", two("[0,2]", "[3,5]", 5), R"(tensor "b" begins at byte 3)"},
      {"twice the same name", safetensors("{\"w\":" + u8 + ",\"v\":" + u8 + ",\"w\":" + u8 + "}"),
       R"(tensor "w" is there twice)"},
      {"the same name, escaped", safetensors("{\"w\":" + u8 + ",\"\\u0077\":" + u8 + "}"),
       R"(tensor "w" is there twice)"},
      {"two metadata", safetensors(R"({"__metadata__":{},"__metadata__":{}})"), "two __metadata__"},
      {"metadata a string", safetensors(R"({"__metadata__":"pt"})"), "__metadata__ that is a str"},
      {"metadata an array", safetensors(R"({"__metadata__":[]})"), "__metadata__ that is an array"},
      {"metadata of numbers", safetensors(R"({"__metadata__":{"a":1}})"), "a number in __meta"},
      {"metadata of objects", safetensors(R"({"__metadata__":{"a":{}}})"), "an object in __meta"},
      {"metadata of null", safetensors(R"({"__metadata__":{"a":null}})"), "null in __metadata__"},
  };
}

TEST_F(Safetensors, RefusesFilesThatHoldNoHeader) {
  for (const Malformed& bad : bad_files()) {
    SCOPED_TRACE(bad.what);
    EXPECT_THAT(refusal(bad.file), HasSubstr(bad.message));
  }
}

TEST_F(Safetensors, RefusesATensorThatIsNotWhatItShouldBeAndNamesIt) {
  for (const Malformed& bad : bad_tensors()) {
    SCOPED_TRACE(bad.what);
    EXPECT_THAT(refusal(bad.file), HasSubstr(bad.message));
  }
}

TEST_F(Safetensors, RefusesTensorsThatDoNotFitTogether) {
  for (const Malformed& bad : bad_sets()) {
    SCOPED_TRACE(bad.what);
    EXPECT_THAT(refusal(bad.file), HasSubstr(bad.message));
  }
}

TEST_F(Safetensors, RefusesAHugeShapeWithoutKeepingItsText) {
  std::string header = R"({"w":{"dtype":"U8","shape":[)";
  for (int i = 0; i < 1'000'000; ++i) header += "0,";
  header += R"(0],"data_offsets":[0,1]}})";
  EXPECT_THAT(error_of([&] { read(safetensors(header, 1)); }), HasSubstr("needs 0 bytes"));
}

TEST_F(Safetensors, KeepsManyTensorsInAFewBytesEach) {
  std::string text = "{";
  constexpr std::uint64_t k_tensors = 100'000;
  for (std::uint64_t i = 0; i < k_tensors; ++i) {
    text += (i == 0 ? "\"" : ",\"") + ("model.layers.0.mlp.experts." + std::to_string(i)) +
            R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" + std::to_string(i) + ',' +
            std::to_string(i + 1) + "]}";
  }
  const ShardHeader header = read(safetensors(text + "}", k_tensors));
  ASSERT_EQ(header.tensors().size(), k_tensors);
  EXPECT_LE(sizeof(Tensor), 48U);
  EXPECT_EQ(header.name(header.tensors().back()), "model.layers.0.mlp.experts.99999");
}

}  // namespace
}  // namespace coldload::model
