// The start set: the files that a server's start reads, in order of first touch, and what each is
// to it.
//
// Layer: start_set. Knows nothing of model formats or experiments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe/enum.hpp>

namespace coldload::start_set {

enum class Group {
  weights,
  checkpoint,  // the rest of it
  program,     // packages and libraries
  caches,      // the server's runtime caches
  other,
};
BOOST_DESCRIBE_ENUM(Group, weights, checkpoint, program, caches, other)

[[nodiscard]] std::string_view to_string(Group group);

// What a file that is neither checkpoint nor cache is, by its path (absolute): program where it
// lies among programs and libraries (/usr, /opt, a folder lib, bin or site-packages) or has the
// name of code, else other.
[[nodiscard]] Group group_of(std::string_view path);

// Whether a file's name is one of code: a library, or Python's.
[[nodiscard]] bool has_name_of_code(std::string_view path);

// Which pages of a file, in bytes; whole pages, but for the file's end.
struct Range {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  bool operator==(const Range&) const = default;
};

struct StartFile {
  std::string path;  // absolute, without links
  Group group = Group::other;
  std::uint64_t bytes = 0;            // its size
  std::vector<Range> in_memory = {};  // of it, when the start was over
  std::int64_t changed_ns = 0;        // its contents, since 1970
};

// How the set is known.
enum class Source {
  fanotify,    // every opening was seen
  page_cache,  // what lies in memory of the folders of its code, and what it maps
};
BOOST_DESCRIBE_ENUM(Source, fanotify, page_cache)

[[nodiscard]] std::string_view to_string(Source source);

struct StartSet {
  Source source = Source::fanotify;
  std::vector<StartFile> files;      // by first touch, where that was seen; else by path
  std::vector<std::string> remarks;  // what may be missing, and why, in words

  [[nodiscard]] std::uint64_t bytes() const;
};

}  // namespace coldload::start_set
