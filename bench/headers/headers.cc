// What a header of a million tensors costs: coldload's reading of it (parsed, validated, indexed)
// against Boost.JSON's SAX parser alone over the same bytes, and the memory that the index keeps.
//
//   headers [TENSORS]

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "model/safetensors.h"
#include "os/clock.h"
#include "os/fd.h"

namespace {

using namespace coldload;
namespace json = boost::json;

// Takes everything in and keeps nothing.
struct Nothing {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  using Error = json::error_code&;
  std::uint64_t numbers = 0;
  bool on_document_begin(Error) { return true; }
  bool on_document_end(Error) { return true; }
  bool on_object_begin(Error) { return true; }
  bool on_object_end(std::size_t, Error) { return true; }
  bool on_array_begin(Error) { return true; }
  bool on_array_end(std::size_t, Error) { return true; }
  bool on_key_part(json::string_view, std::size_t, Error) { return true; }
  bool on_key(json::string_view, std::size_t, Error) { return true; }
  bool on_string_part(json::string_view, std::size_t, Error) { return true; }
  bool on_string(json::string_view, std::size_t, Error) { return true; }
  bool on_number_part(json::string_view, Error) { return true; }
  bool on_int64(std::int64_t, json::string_view, Error) { return ++numbers > 0; }
  bool on_uint64(std::uint64_t, json::string_view, Error) { return ++numbers > 0; }
  bool on_double(double, json::string_view, Error) { return ++numbers > 0; }
  bool on_bool(bool, Error) { return true; }
  bool on_null(Error) { return true; }
  bool on_comment_part(json::string_view, Error) { return true; }
  bool on_comment(json::string_view, Error) { return true; }
};

// Names as models have them; a hundred bytes of JSON a tensor.
std::string header(std::uint64_t tensors) {
  std::string text = "{";
  for (std::uint64_t i = 0; i < tensors; ++i) {
    text += fmt::format(
        "{}\"layers.{}.experts.{}.w\":{{\"dtype\":\"BF16\",\"shape\":[4,8],"
        "\"data_offsets\":[{},{}]}}",
        i == 0 ? "" : ",", i / 256, i % 256, i * 64, i * 64 + 64);
  }
  return text + "}";
}

// Resident: what is only reserved costs nothing.
std::uint64_t anonymous_bytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word && word != "RssAnon:") {
  }
  std::uint64_t kib = 0;
  status >> kib;
  return kib * 1024;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t tensors = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  std::string path = "/var/tmp/coldload-headers.XXXXXX";
  const int fd = ::mkstemp(path.data());
  if (fd < 0) return 1;
  std::uint64_t header_bytes = 0;
  {
    const std::string text = header(tensors);
    header_bytes = text.size();
    const os::Fd file(fd, path);
    os::write_full(file, {reinterpret_cast<const char*>(&header_bytes), sizeof header_bytes});
    os::write_full(file, text);
    if (::ftruncate(fd, static_cast<off_t>(8 + header_bytes + tensors * 64)) != 0) return 1;
  }
  const os::Fd file = os::open_regular(path);
  ::unlink(path.c_str());
  std::vector<double> parser_s;
  std::vector<double> ours_s;
  double bytes_a_tensor = 0;
  for (int round = 0; round < 7; ++round) {
    {
      std::vector<std::byte> text(header_bytes);
      const os::TimePoint begin = os::Clock::now();
      os::pread_full(file, text, 8);
      json::basic_parser<Nothing> parser{json::parse_options{}};
      json::error_code error;
      parser.write_some(false, reinterpret_cast<const char*>(text.data()), text.size(), error);
      parser_s.push_back(os::seconds_between(begin, os::Clock::now()));
      if (error || parser.handler().numbers != tensors * 4) return 1;
    }
    const std::uint64_t before = anonymous_bytes();
    const os::TimePoint begin = os::Clock::now();
    const model::ShardHeader read = model::read_shard_header(file);
    ours_s.push_back(os::seconds_between(begin, os::Clock::now()));
    bytes_a_tensor = static_cast<double>(anonymous_bytes() - before) / static_cast<double>(tensors);
    if (read.tensors().size() != tensors) return 1;
  }
  std::sort(parser_s.begin(), parser_s.end());
  std::sort(ours_s.begin(), ours_s.end());
  fmt::print(
      "{{\"tensors\":{},\"header_bytes\":{},\"parser_s\":{:.4f},\"coldload_s\":{:.4f},"
      "\"ratio\":{:.2f},\"bytes_a_tensor\":{:.1f}}}\n",
      tensors, header_bytes, parser_s[3], ours_s[3], ours_s[3] / parser_s[3], bytes_a_tensor);
}
