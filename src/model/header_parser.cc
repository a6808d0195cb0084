#include "model/header_parser.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include "model/json_handler.h"
#include "model/name_table.h"
#include "os/error.h"
#include "os/mapping.h"
#include "text/escape.h"

namespace coldload::model {

namespace {

// serde_json, the library's parser, allows this many levels.
constexpr std::size_t k_max_header_depth = 127;
constexpr std::string_view k_metadata = "__metadata__";
constexpr std::array<std::string_view, 3> k_fields{"dtype", "shape", "data_offsets"};
// Longer than any field or dtype: what is longer is none, and need not be kept.
constexpr std::size_t k_word_limit = 32;
constexpr std::uint64_t k_large_header_bytes = std::uint64_t{16} << 20;

void append_word(std::string* word, boost::json::string_view text) {
  word->append(text.data(),
               std::min(text.size(), k_word_limit - std::min(k_word_limit, word->size())));
}

}  // namespace

// The Handler of boost::json::basic_parser. Its calls throw os::Error for what no header may hold.
class HeaderBuilder : public JsonHandler {
 public:
  HeaderBuilder(std::string path, std::uint64_t header_bytes, std::uint64_t data_bytes) {
    header_.path_ = std::move(path);
    header_.header_bytes_ = header_bytes;
    header_.data_bytes_ = data_bytes;
    // No copying while they grow, and no memory used before it is written to. The shortest entry,
    // `"":{"dtype":"U8","shape":[],"data_offsets":[0,0]},`, takes 50 bytes.
    constexpr std::uint64_t k_shortest_entry_bytes = 50;
    header_.names_.reserve(static_cast<std::size_t>(header_bytes));
    header_.shapes_.reserve(static_cast<std::size_t>(header_bytes / 2));
    header_.tensors_.reserve(static_cast<std::size_t>(header_bytes / k_shortest_entry_bytes) + 1);
    if (header_bytes < k_large_header_bytes) return;
    os::prefer_huge_pages(std::as_writable_bytes(
        std::span(header_.names_.data(), static_cast<std::size_t>(header_bytes))));
    os::prefer_huge_pages(
        std::as_writable_bytes(std::span(header_.tensors_.data(), header_.tensors_.capacity())));
  }

  // Throws: "cannot use PATH: its safetensors header <cause>".
  [[noreturn]] void fail(std::string_view cause) const {
    throw os::Error(fmt::format("cannot use {}: its safetensors header {}", header_.path_, cause));
  }

  // Checks what only all tensors together show (duplicates, gaps, overlaps, the end of the data).
  [[nodiscard]] ShardHeader finish() {
    if (const Tensor* twin = NameTable(header_).twin(); twin != nullptr) {
      fail_tensor(*twin, "is there twice");
    }
    std::vector<Tensor>& tensors = header_.tensors_;
    const auto before = [](const Tensor& a, const Tensor& b) {
      return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
    };
    if (!std::is_sorted(tensors.begin(), tensors.end(), before)) {
      std::sort(tensors.begin(), tensors.end(), before);
    }
    std::uint64_t covered = 0;
    for (const Tensor& tensor : tensors) {
      if (tensor.begin != covered) {
        fail_tensor(tensor,
                    fmt::format("begins at byte {} of the data, where byte {} is due: {}",
                                tensor.begin, covered,
                                tensor.begin < covered ? "it overlaps the tensor before it"
                                                       : "no tensor owns the bytes between"));
      }
      covered = tensor.end;
    }
    if (covered != header_.data_bytes_) {
      fail(fmt::format(
          "describes {} bytes of data, but {} follow it: the file holds bytes after the "
          "last tensor",
          covered, header_.data_bytes_));
    }
    // Many small headers should not keep what they reserved; a large one only reserved address
    // space, and shrinking would copy it.
    if (header_.header_bytes_ < k_large_header_bytes) {
      header_.names_.shrink_to_fit();
      header_.shapes_.shrink_to_fit();
      tensors.shrink_to_fit();
    }
    return std::move(header_);
  }

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }

  bool on_object_begin(Code&) {
    ++depth_;
    if (next_ == Next::header || next_ == Next::tensor) return true;
    if (next_ != Next::metadata) return skip_or_refuse("an object");
    next_ = Next::metadata_text;
    return true;
  }

  bool on_object_end(std::size_t, Code&) {
    if (in_tensor()) end_tensor();
    --depth_;
    return true;
  }

  bool on_array_begin(Code&) {
    if (next_ == Next::shape) {
      next_ = Next::dimension;
    } else if (next_ == Next::offsets) {
      next_ = Next::offset;
    } else {
      skip_or_refuse("an array");
    }
    return true;
  }

  bool on_array_end(std::size_t, Code&) {
    if (next_ == Next::offset && entry_.offsets != 2) {
      fail_tensor(fmt::format("has {} data_offsets, not 2", entry_.offsets));
    }
    return true;
  }

  bool on_key_part(Text text, std::size_t, Code&) {
    if (depth_ == 1) header_.names_.append(text.data(), text.size());
    if (in_tensor()) append_word(&word_, text);
    return true;
  }

  bool on_key(Text text, std::size_t size, Code& code) {
    on_key_part(text, size, code);
    if (depth_ == 1) end_name();
    if (in_tensor()) end_field_name();
    return true;
  }

  bool on_string_part(Text text, std::size_t, Code&) {
    if (next_ == Next::metadata_text) return true;
    if (next_ != Next::dtype) return skip_or_refuse("a string");
    append_word(&word_, text);
    return true;
  }

  bool on_string(Text text, std::size_t size, Code& code) {
    on_string_part(text, size, code);
    if (next_ != Next::dtype) return true;
    const auto dtype = parse_dtype(word_);
    if (!dtype) {
      fail_tensor(
          fmt::format("has a dtype that safetensors does not know, {}", text::quoted(word_)));
    }
    entry_.tensor.dtype = *dtype;
    word_.clear();
    return true;
  }

  bool on_number_part(Text text, Code&) {
    negative_ = negative_ || (!text.empty() && text[0] == '-');
    return true;
  }

  bool on_int64(std::int64_t value, Text text, Code& code) {
    on_number_part(text, code);
    // "-0" is refused too: it is no unsigned number for the library either.
    if (std::exchange(negative_, false)) return skip_or_refuse("a negative number");
    return on_uint64(static_cast<std::uint64_t>(value), text, code);
  }

  bool on_uint64(std::uint64_t value, Text, Code&) {
    negative_ = false;
    if (next_ == Next::dimension) {
      add_dimension(value);
    } else if (next_ == Next::offset) {
      if (entry_.offsets == 2) fail_tensor("has more than 2 data_offsets");
      (entry_.offsets++ == 0 ? entry_.tensor.begin : entry_.tensor.end) = value;
    } else {
      skip_or_refuse("a number");
    }
    return true;
  }

  bool on_double(double, Text, Code&) {
    negative_ = false;
    return skip_or_refuse("a number that is fractional or too large");
  }

  bool on_bool(bool, Code&) { return skip_or_refuse("a boolean"); }

  bool on_null(Code&) {
    // The library reads a null __metadata__ as none.
    return next_ == Next::metadata || skip_or_refuse("null");
  }

  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

 private:
  // What the value that comes next is to be. A tensor's fields come first, as k_fields has them.
  enum class Next {
    dtype,
    shape,
    offsets,
    unknown,  // a field that is none of these: anything, at any depth
    header,
    metadata,
    metadata_text,
    tensor,
    dimension,
    offset,
  };

  // The tensor that is being read.
  struct Entry {
    Tensor tensor;
    std::array<bool, 3> seen{};  // its fields
    unsigned offsets = 0;
    std::uint64_t elements = 1;
    bool elements_overflow = false;
  };

  [[noreturn]] void fail_tensor(const Tensor& tensor, std::string_view cause) const {
    throw os::Error(fmt::format("cannot use {}: tensor {} {}", header_.path_,
                                text::quoted(header_.name(tensor)), cause));
  }

  [[noreturn]] void fail_tensor(std::string_view cause) const { fail_tensor(entry_.tensor, cause); }

  // For a value that only an unknown field may have. `found` is its kind, for the message.
  bool skip_or_refuse(std::string_view found) const {
    switch (next_) {
      case Next::unknown:
        return true;
      case Next::header:
        fail(fmt::format("is {}, not an object", found));
      case Next::metadata:
        fail(fmt::format("has a __metadata__ that is {}, not an object", found));
      case Next::metadata_text:
        fail(fmt::format("has {} in __metadata__, where every value must be a string", found));
      case Next::tensor:
        fail_tensor(fmt::format("is {}, not an object", found));
      case Next::dimension:
      case Next::offset:
        fail_tensor(
            fmt::format("has {} in its {}, where only whole numbers from 0 to 2^64-1 may be", found,
                        next_ == Next::dimension ? "shape" : "data_offsets"));
      default:
        fail_tensor(
            fmt::format("has {} as its {}", found, k_fields[static_cast<std::size_t>(next_)]));
    }
  }

  void end_name() {
    const std::size_t begin = entry_.tensor.name_offset + entry_.tensor.name_bytes;
    const std::string_view name = std::string_view(header_.names_).substr(begin);
    if (name == k_metadata) {
      if (std::exchange(metadata_seen_, true)) fail("has two __metadata__");
      header_.names_.resize(begin);
      next_ = Next::metadata;
      return;
    }
    // A header's size fits 32 bits, and so do all offsets into it.
    entry_ = {};
    entry_.tensor.name_offset = static_cast<std::uint32_t>(begin);
    entry_.tensor.name_bytes = static_cast<std::uint32_t>(name.size());
    entry_.tensor.shape_offset = static_cast<std::uint32_t>(header_.shapes_.size());
    next_ = Next::tensor;
  }

  void end_field_name() {
    // A million times three: compared by size first, as std::string with a literal is not.
    const auto* const field = std::find(k_fields.begin(), k_fields.end(), std::string_view(word_));
    const auto index = static_cast<std::size_t>(field - k_fields.begin());
    if (field != k_fields.end() && std::exchange(entry_.seen[index], true)) {
      fail_tensor(fmt::format("has two fields {}", word_));
    }
    next_ = static_cast<Next>(index);
    word_.clear();
  }

  void add_dimension(std::uint64_t value) {
    ++entry_.tensor.rank;
    entry_.elements_overflow |= __builtin_mul_overflow(entry_.elements, value, &entry_.elements);
    constexpr unsigned k_low_bits = 0x7F;
    constexpr unsigned k_more = 0x80;
    while (value > k_low_bits) {
      header_.shapes_.push_back(static_cast<std::uint8_t>((value & k_low_bits) | k_more));
      value >>= 7U;
    }
    header_.shapes_.push_back(static_cast<std::uint8_t>(value));
  }

  void end_tensor() {
    const Tensor& tensor = entry_.tensor;
    for (std::size_t i = 0; i < k_fields.size(); ++i) {
      if (!entry_.seen[i]) fail_tensor(fmt::format("has no {}", k_fields[i]));
    }
    if (tensor.begin > tensor.end) {
      fail_tensor(fmt::format("has data_offsets [{}, {}] that end before they begin", tensor.begin,
                              tensor.end));
    }
    std::uint64_t bits = 0;
    if (entry_.elements_overflow ||
        __builtin_mul_overflow(entry_.elements, bits_of(tensor.dtype), &bits)) {
      fail_tensor("has a shape whose size overflows 64 bits");
    }
    constexpr unsigned k_byte_bits = 8;
    if (bits % k_byte_bits != 0) {
      fail_tensor(fmt::format("has {} elements of {}, which do not fill whole bytes",
                              entry_.elements, name_of(tensor.dtype)));
    }
    if (tensor.bytes() != bits / k_byte_bits) {
      fail_tensor(fmt::format(
          "needs {} bytes by its dtype {} and its shape, but data_offsets [{}, {}] "
          "give {}",
          bits / k_byte_bits, name_of(tensor.dtype), tensor.begin, tensor.end, tensor.bytes()));
    }
    if (tensor.end > header_.data_bytes_) {
      fail_tensor(
          fmt::format("ends at byte {} of the data, but the file holds only {} bytes of data: "
                      "it is cut short or the header is wrong",
                      tensor.end, header_.data_bytes_));
    }
    header_.tensors_.push_back(tensor);
  }

  [[nodiscard]] bool in_tensor() const { return depth_ == 2 && next_ != Next::metadata_text; }

  ShardHeader header_;
  Next next_ = Next::header;
  unsigned depth_ = 0;  // objects that are open: the header, a tensor's, an unknown field's
  bool metadata_seen_ = false;
  bool negative_ = false;  // the number that is being read in parts began with '-'
  std::string word_;       // the field name or dtype that is being read, cut when long
  Entry entry_;
};

ShardHeader parse_header(const os::Fd& file, std::uint64_t length, std::uint64_t data_bytes,
                         std::size_t piece_bytes) {
  boost::json::parse_options options;
  options.max_depth = k_max_header_depth;
  boost::json::basic_parser<HeaderBuilder> parser(options, file.path(), length, data_bytes);
  HeaderBuilder& builder = parser.handler();
  std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(length, piece_bytes)), '\0');
  for (std::uint64_t done = 0; done < length; done += buffer.size()) {
    buffer.resize(std::min<std::uint64_t>(buffer.size(), length - done));
    if (os::pread_full(file, std::as_writable_bytes(std::span(buffer)),
                       sizeof(std::uint64_t) + done) != buffer.size()) {
      throw os::Error(
          fmt::format("cannot use {}: it became shorter while it was read", file.path()));
    }
    if (done == 0 && buffer[0] != '{') builder.fail("does not begin with '{'");
    std::size_t used = 0;
    if (!parser.done()) {
      boost::json::error_code code;
      used = parser.write_some(true, buffer.data(), buffer.size(), code);
      if (code) {
        builder.fail(fmt::format("is not valid JSON: {} near byte {} of {}", code.message(),
                                 done + used, length));
      }
    }
    if (buffer.find_first_not_of(" \t\r\n", used) != std::string::npos) {
      builder.fail(fmt::format("holds more than blanks after its JSON, at byte {}", done + used));
    }
  }
  if (!parser.done()) builder.fail("is not JSON: it ends in the middle of its object");
  return builder.finish();
}

}  // namespace coldload::model
