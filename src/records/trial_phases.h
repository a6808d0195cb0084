// The phases of one trial, as small as may be: their names, which many trials share, beside their
// times.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

#include "records/record.h"
#include "records/text_pool.h"

namespace coldload::records {

// A Phase, and what of the timeline is in it.
struct TrialPhase {
  std::string_view name;
  double start_s = 0;
  double end_s = 0;
  std::optional<double> cpu_s;  // of the processes in it; nothing where the timeline does not tell
};

// A list of TrialPhase. What it is of is held by a TextPool.
class TrialPhases {
 public:
  // Iterates over values, not over places in memory.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = TrialPhase;
    using difference_type = std::ptrdiff_t;
    using pointer = const TrialPhase*;
    using reference = TrialPhase;

    Iterator(const TrialPhases* phases, std::size_t at) : phases_(phases), at_(at) {}
    TrialPhase operator*() const {
      const Times& times = phases_->times_[at_];
      return {phases_->names_[at_], times.start_s, times.end_s, times.cpu_s};
    }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const TrialPhases* phases_;
    std::size_t at_;
  };

  TrialPhases() = default;
  TrialPhases(const Record& record, TextPool* texts);

  [[nodiscard]] bool empty() const { return times_.empty(); }
  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] Iterator end() const { return {this, times_.size()}; }

 private:
  struct Times {
    double start_s = 0;
    double end_s = 0;
    std::optional<double> cpu_s;
  };

  Texts names_;
  std::span<const Times> times_;
};

}  // namespace coldload::records
