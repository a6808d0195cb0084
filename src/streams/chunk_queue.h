// Which chunk is read next: those of a file in their order, as many of one file at once as the
// mount that it comes from likes, and several files beside each other.
//
// Layer: streams. Knows nothing of how a chunk is read, or what for.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "streams/stream_choice.h"

namespace coldload::streams {

// Safe to use from several threads.
class ChunkQueue {
 public:
  struct Step {
    std::size_t file = 0;
    std::size_t chunk = 0;
  };

  struct Wish {
    unsigned jobs = 1;  // threads that ask
    // Finds out how many places of one file are read at once; else as many as there are jobs.
    bool may_want_one_stream = true;
    // The files are wanted in their order: rather more places of the first than more files.
    bool first_file_first = false;
    // Of all files, where finding out costs something; see StreamChoice.
    std::optional<std::uint64_t> bytes = {};
  };
  // `chunks`: how many each file has.
  ChunkQueue(const std::vector<std::size_t>& chunks, const Wish& wish);

  // Waits for one that may be read now; nothing where all are done, or after stop().
  [[nodiscard]] std::optional<Step> next();
  // One that was read.
  void done(const Step& step);
  // One that was not, because it was one too many: somebody gets it later.
  void give_back(const Step& step);
  void stop();

  // The chunk's bytes do not come over the mount: others need not wait for it.
  void uncount(const Step& step);
  // Those of another one came.
  void arrived(std::uint64_t bytes);
  // Whether fewer are to be read of its file at once by now, and this is the one to stop.
  [[nodiscard]] bool is_one_too_many(const Step& step);
  [[nodiscard]] bool trying();
  // How many are read of one file at once.
  [[nodiscard]] unsigned streams();

 private:
  struct File {
    std::size_t chunks = 0;
    std::size_t next = 0;             // that nobody has had
    std::set<std::size_t> returned;   // below it
    std::set<std::size_t> streaming;  // counted

    [[nodiscard]] bool has_more() const { return next < chunks || !returned.empty(); }
    [[nodiscard]] std::size_t take();
  };

  [[nodiscard]] std::optional<Step> take_one();
  // Whether more places of one file would be read now, if they might.
  [[nodiscard]] bool wants_more() const;

  const bool first_file_first_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<File> files_;
  std::size_t first_ = 0;  // no file before it has more
  std::size_t under_way_ = 0;
  unsigned waiting_ = 0;        // threads
  bool more_is_there_ = false;  // but no file may be read in more places: found by who waits
  bool stopped_ = false;
  StreamChoice choice_;
};

}  // namespace coldload::streams
