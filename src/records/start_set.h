// What a trial's start reads beside the weights, group by group: how cold it was before, and what
// came.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>

namespace coldload::records {

// How cold a trial began (docs/layers.md).
enum class Layer { warm, weights, node, first };
BOOST_DESCRIBE_ENUM(Layer, warm, weights, node, first)

// Files of one kind on one file system.
struct StartSetGroup {
  std::string group;  // weights, checkpoint, program, caches, other
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  // their sizes, added up
  // In the page cache immediately before launch; nothing: not told, as are those below.
  std::optional<std::uint64_t> resident_bytes_before;
  // Of that, what stays because other processes map it.
  std::optional<std::uint64_t> held_bytes;
  std::optional<std::uint64_t> came_bytes;  // in it at ready, and not before
  std::string mount;                        // where it is mounted
  std::string fs_type;
  bool is_network = false;  // a server's, or a stand-in for one
};

struct StartSetFacts {
  std::string source;  // fanotify, page_cache
  std::vector<StartSetGroup> groups;
  std::vector<std::string> held_by;  // who maps what stays, as far as visible; a few, in words
};

}  // namespace coldload::records
