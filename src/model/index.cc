#include "model/index.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include "model/json_handler.h"
#include "model/name_table.h"
#include "os/error.h"
#include "os/fd.h"
#include "text/escape.h"
#include "text/json.h"

namespace coldload::model {

namespace {

// What a damaged file may take at most: room for two million tensors of usual names.
constexpr std::uint64_t k_max_index_bytes = 200'000'000;
constexpr std::size_t k_max_tensors = 4'000'000;
constexpr std::size_t k_max_shards = 100'000;
constexpr std::size_t k_max_index_depth = 32;
constexpr std::size_t k_max_file_name_bytes = 255;
constexpr std::size_t k_max_shard_name_bytes = 1024;  // with the folders that it lies in
constexpr std::size_t k_max_tensor_name_bytes = 1 << 20;
constexpr std::size_t k_piece_bytes = std::size_t{1} << 20;

// A file beside the index or in a folder below, as transformers reads them: never outside.
bool is_below(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\0') != std::string_view::npos)
    return false;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.size() > k_max_file_name_bytes) {
      return false;
    }
    begin = end + 1;
  }
  return true;
}

}  // namespace

// The Handler of boost::json::basic_parser. Its calls throw os::Error for a bad index.
class WeightMapBuilder : public JsonHandler {
 public:
  WeightMapBuilder(const std::string& path, std::uint64_t file_bytes) {
    map_.path_ = path;
    // Address space only: memory is used as far as names are written.
    map_.names_.reserve(static_cast<std::size_t>(file_bytes));
  }

  [[noreturn]] void fail(std::string_view cause) const {
    throw os::Error(fmt::format("cannot use the index {}: it {}", map_.path_, cause));
  }

  [[nodiscard]] WeightMap finish() {
    if (!map_seen_) fail("has no weight_map");
    if (map_.entries_.empty()) fail("has an empty weight_map: it names no shard");
    // Numbers went out in the order of appearance; shards are wanted by name.
    std::vector<std::uint32_t> rank(shard_ids_.size());
    for (const auto& [name, id] : shard_ids_) {
      rank[id] = static_cast<std::uint32_t>(map_.shards_.size());
      map_.shards_.push_back(name);
    }
    for (WeightMap::Entry& entry : map_.entries_) entry.shard = rank[entry.shard];
    std::sort(map_.entries_.begin(), map_.entries_.end(),
              [](const WeightMap::Entry& a, const WeightMap::Entry& b) {
                return a.shard != b.shard ? a.shard < b.shard : a.name_offset < b.name_offset;
              });
    return std::move(map_);
  }

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }

  bool on_object_begin(Code&) {
    if (depth_ == 1 && is_map_) in_map_ = true;
    if (depth_ == 2 && in_map_) fail_entry();
    ++depth_;
    return true;
  }

  bool on_object_end(std::size_t, Code&) {
    --depth_;
    if (depth_ == 1) in_map_ = false;
    return true;
  }

  bool on_array_begin(Code&) { return check_scalar(); }
  bool on_array_end(std::size_t, Code&) { return true; }

  bool on_key_part(Text text, std::size_t, Code&) {
    if (depth_ <= 2 && !in_map_) append(&key_, text);
    if (in_map_) map_.names_.append(text.data(), text.size());
    if (in_map_ &&
        map_.names_.size() - entry_.name_offset - entry_.name_bytes > k_max_tensor_name_bytes) {
      fail(fmt::format("names a tensor with more than {} bytes", k_max_tensor_name_bytes));
    }
    return true;
  }

  bool on_key(Text text, std::size_t size, Code& code) {
    on_key_part(text, size, code);
    if (depth_ == 1) {
      in_metadata_ = key_ == "metadata";
      is_map_ = std::exchange(key_, "") == "weight_map";
      if (is_map_ && std::exchange(map_seen_, true)) fail("has two weight_map");
    } else if (in_map_) {
      const std::size_t begin = entry_.name_offset + entry_.name_bytes;
      entry_.name_offset = static_cast<std::uint32_t>(begin);
      entry_.name_bytes = static_cast<std::uint32_t>(map_.names_.size() - begin);
    } else if (depth_ == 2) {
      is_total_ = in_metadata_ && std::exchange(key_, "") == "total_size";
    }
    return true;
  }

  bool on_string_part(Text text, std::size_t, Code&) {
    if (!in_map_) check_scalar();
    if (in_map_) append(&shard_, text);
    return true;
  }

  bool on_string(Text text, std::size_t size, Code& code) {
    on_string_part(text, size, code);
    if (in_map_) end_entry();
    return true;
  }

  bool on_number_part(Text, Code&) { return true; }
  bool on_int64(std::int64_t number, Text, Code&) {
    if (depth_ == 2 && is_total_ && number > 0) {
      map_.total_bytes_ = static_cast<std::uint64_t>(number);
    }
    return check_scalar();
  }
  bool on_uint64(std::uint64_t, Text, Code&) { return check_scalar(); }
  bool on_double(double, Text, Code&) { return check_scalar(); }
  bool on_bool(bool, Code&) { return check_scalar(); }
  bool on_null(Code&) { return check_scalar(); }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

 private:
  // One byte more than a file name may have, so that what is too long is seen to be.
  static void append(std::string* word, Text text) {
    const std::size_t room =
        k_max_shard_name_bytes + 1 - std::min(k_max_shard_name_bytes + 1, word->size());
    word->append(text.data(), std::min(text.size(), room));
  }

  // For every value but an object, and a string within the map.
  bool check_scalar() const {
    if (depth_ == 0) fail("is no JSON object");
    if (depth_ == 1 && is_map_) fail("has a weight_map that is no object");
    if (in_map_) fail_entry();
    return true;
  }

  [[nodiscard]] std::string tensor_name() const {
    return text::quoted(
        std::string_view(map_.names_).substr(entry_.name_offset, entry_.name_bytes));
  }

  [[noreturn]] void fail_entry() const {
    fail(fmt::format("gives tensor {} a shard that is not a string", tensor_name()));
  }

  void end_entry() {
    if (!is_below(shard_) || shard_.size() > k_max_shard_name_bytes) {
      fail(
          fmt::format("places tensor {} in {}, which is no file below: shards lie beside their "
                      "index, or in folders beside it",
                      tensor_name(), text::quoted(shard_)));
    }
    const auto [at, added] =
        shard_ids_.try_emplace(shard_, static_cast<std::uint32_t>(shard_ids_.size()));
    if (map_.entries_.size() == k_max_tensors)
      fail(fmt::format("names more than {} tensors", k_max_tensors));
    if (added && shard_ids_.size() > k_max_shards)
      fail(fmt::format("names more than {} shards", k_max_shards));
    entry_.shard = at->second;
    map_.entries_.push_back(entry_);
    shard_.clear();
  }

  WeightMap map_;
  std::map<std::string, std::uint32_t> shard_ids_;
  WeightMap::Entry entry_;
  int depth_ = 0;        // objects that are open
  bool is_map_ = false;  // the top-level value that comes next is the weight_map
  bool in_map_ = false;
  bool map_seen_ = false;
  bool in_metadata_ = false;  // the top-level value is the metadata
  bool is_total_ = false;     // the value that comes next is its total_size
  std::string key_;
  std::string shard_;
};

WeightMap WeightMap::read(const std::string& path) {
  const os::Fd file = os::open_regular(path);
  const std::uint64_t file_bytes = os::file_size(file);
  if (file_bytes > k_max_index_bytes) {
    throw os::Error(fmt::format("cannot use the index {}: it is larger than {} bytes", path,
                                k_max_index_bytes));
  }
  boost::json::parse_options options;
  options.max_depth = k_max_index_depth;
  boost::json::basic_parser<WeightMapBuilder> parser(options, path, file_bytes);
  std::string buffer(k_piece_bytes, '\0');
  std::uint64_t position = 0;
  while (true) {
    const std::size_t got = os::pread_full(
        file, std::as_writable_bytes(std::span(buffer.data(), buffer.size())), position);
    if (got == 0) break;
    std::size_t used = 0;
    if (!parser.done()) {
      boost::json::error_code code;
      used = parser.write_some(true, buffer.data(), got, code);
      if (code) {
        const std::string_view begin(buffer.data(), position == 0 ? got : 0);
        parser.handler().fail("is not valid JSON: " +
                              text::why_not_json(begin, code.message(), position + used));
      }
    }
    if (std::string_view(buffer.data() + used, got - used).find_first_not_of(" \t\r\n") !=
        std::string_view::npos) {
      parser.handler().fail(fmt::format("holds more than its JSON, at byte {}", position + used));
    }
    position += got;
    // A file that grows while it is read.
    if (position > k_max_index_bytes) parser.handler().fail("does not end");
  }
  if (!parser.done()) parser.handler().fail("is not valid JSON: it ends in the middle");
  return parser.handler().finish();
}

std::vector<std::string_view> WeightMap::tensors_of(const std::string& shard) const {
  const auto name = std::lower_bound(shards_.begin(), shards_.end(), shard);
  if (name == shards_.end() || *name != shard) return {};
  const auto id = static_cast<std::uint32_t>(name - shards_.begin());
  auto entry =
      std::lower_bound(entries_.begin(), entries_.end(), id,
                       [](const Entry& e, std::uint32_t wanted) { return e.shard < wanted; });
  std::vector<std::string_view> tensors;
  for (; entry != entries_.end() && entry->shard == id; ++entry) {
    tensors.push_back(std::string_view(names_).substr(entry->name_offset, entry->name_bytes));
  }
  return tensors;
}

std::uint64_t WeightMap::check(const std::string& shard, const ShardHeader& header) const {
  const std::vector<std::string_view> tensors = tensors_of(shard);
  if (tensors.empty()) return 0;
  std::uint64_t bytes = header.data_begin();
  const NameTable names(header);
  for (const std::string_view tensor : tensors) {
    const Tensor* const found = names.find(tensor);
    if (found == nullptr) {
      throw os::Error(
          fmt::format("cannot use {}: the index {} places tensor {} in it, but its header "
                      "has none of that name",
                      header.path(), path_, text::quoted(tensor)));
    }
    bytes += found->bytes();
  }
  return bytes;
}

}  // namespace coldload::model
