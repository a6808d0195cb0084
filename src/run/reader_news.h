// What the reader process says: one line of JSON each.
//
// Layer: run. Knows nothing of what is read, nor how.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/describe/enum.hpp>

namespace coldload::run {

struct ReaderNews {
  enum class Kind {
    found,     // the files are there
    has_copy,  // and a copy that is up to date is where one may be: that is to be served, and read
    copy_first,  // reading them would not help, but copying them may; `text` says why
    late,        // nothing so far; not said by the reader, but of it
    refused,     // they are not, or cannot be used; `text` says why
    useless,     // reading them would not help; `text` says why
    reading,     // `bytes` are not in memory and will be read; `text` says why no more
    done,        // `bytes` came in `seconds`; `text` says what went wrong, if anything did
    copying,     // `bytes` so far, now and then while it goes on
    copied,      // `bytes` in `seconds`: the copy is there; `text`: what else is to be said
    not_copied,  // `text` says why
    // Of the start set:
    set_absent,       // its file is not there: this start is to be learned
    set_refused,      // it is of no use; `text` says why
    set_reading,      // `files` with `bytes` are read; `text`: what of it is not taken
    set_done,         // of `files`, `bytes` came in `seconds`; `text`: what else is to be said
    set_watched,      // what starts from now on is watched
    set_learned,      // `files` with `bytes` are in its file; `text`: what else is to be said
    set_not_learned,  // `text` says why
  };
  // What is said, by its own name.
  BOOST_DESCRIBE_NESTED_ENUM(Kind, found, has_copy, copy_first, refused, useless, reading, done,
                             copying, copied, not_copied, set_absent, set_refused, set_reading,
                             set_done, set_watched, set_learned, set_not_learned)

  Kind kind = Kind::found;
  std::string text = {};
  std::uint64_t bytes = 0;
  double seconds = 0;
  bool at_most = false;  // some of `bytes` may have been in memory before: nobody could see
  // With the first three: what the path stands for, and a server is to be given, where that is
  // another one (a repository's folder in a hub cache).
  std::string path = {};
  std::uint64_t files = 0;
};

// As one line, line feed included, and back; nothing for what is no such line.
[[nodiscard]] std::string to_line(const ReaderNews& news);
[[nodiscard]] std::optional<ReaderNews> parse_reader_line(std::string_view line);

// Where the reader says it: a pipe that somebody reads, borrowed.
class NewsPipe {
 public:
  explicit NewsPipe(int fd) : fd_(fd) {}
  // Where nobody reads it any more, is_heard() says so.
  void tell(const ReaderNews& news) const;
  // Whether the other end is open.
  [[nodiscard]] bool is_heard() const;

 private:
  int fd_;
};

}  // namespace coldload::run
