// How many places of one file are read at once: as many as bring more.
//
// Most storage gives more to more requests. A mount whose daemon streams a file (rclone, s3fs,
// sshfs and the like) gives far less: each read that does not follow the last one opens the stream
// anew. So one stream of each file comes first, twice as many are tried for a tenth of a second or
// for a few MiB, and so on while that does not bring less. Where it does, the last number stays,
// and is doubted twice more: a network may have been slow just then. So is a number that brings
// less than half of what it brought on trial.
//
// A trial that fails costs seconds on such a mount, so none is made for the last ones of a reading.
//
// Layer: streams. Pure logic: time is passed in. For one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "os/clock.h"

namespace coldload::streams {

class StreamChoice {
 public:
  // Begins with `first`; where that is `most`, it stays. `bytes`: all that are to be read; nothing:
  // trials cost nothing there.
  StreamChoice(unsigned most, os::TimePoint now, unsigned first = 1,
               std::optional<std::uint64_t> bytes = {})
      : most_(most),
        streams_(first),
        phase_(first < most ? Phase::opening : Phase::settled),
        since_(now),
        best_streams_(first),
        left_bytes_(bytes) {}

  // Of one file, at once, just now.
  [[nodiscard]] unsigned streams() const { return streams_; }
  // Whether a number is on trial: blocks should be small, so that a bad one is soon known.
  [[nodiscard]] bool trying() const {
    return phase_ == Phase::opening || phase_ == Phase::first || phase_ == Phase::more;
  }

  // That many bytes came. `wanted`: somebody has nothing to do because no file may be read in more
  // places.
  void arrived(std::uint64_t bytes, bool wanted, os::TimePoint now);

 private:
  enum class Phase {
    opening,  // what comes first may have waited for a stream to be opened: no rate
    first,    // the first rate
    measure,  // the rate now, before more are tried
    more,     // more are on trial
    rest,     // more brought less; until `resume_`
    settled,
  };

  void begin(Phase phase, unsigned streams, os::TimePoint now);
  // A rate is taken over no less.
  [[nodiscard]] double least_s() const;
  [[nodiscard]] bool is_worth_a_trial() const;
  void go_on(bool wanted, os::TimePoint now);
  void go_back(os::TimePoint now);

  const unsigned most_;
  unsigned streams_;
  Phase phase_;
  os::TimePoint since_;      // of this phase
  double opening_s_ = 0;     // what the first bytes took to come
  std::uint64_t bytes_ = 0;  // since then
  unsigned best_streams_;
  double best_bytes_per_s_ = 0;
  std::optional<std::uint64_t> left_bytes_;
  int doubts_ = 2;  // left
  os::TimePoint resume_;
};

}  // namespace coldload::streams
