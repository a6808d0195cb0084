// How long trials are going to take, as far as that is known.
//
// Layer: measure. Pure; knows nothing of clocks.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace coldload::measure {

class Forecast {
 public:
  // What trials take together.
  struct Time {
    double seconds = 0;
    bool at_least = false;  // some are not known, or only the least that they take
  };

  // The least that a trial of that name takes, from an earlier experiment or from size over rate.
  // The largest counts.
  void knows_least(const std::string& trial, double seconds);
  // A trial of that name, from beginning to end.
  void took(const std::string& trial, double seconds);

  // What one takes: the median of those that were made. Nothing before the first.
  [[nodiscard]] std::optional<double> expected_s(const std::string& trial) const;
  // Nothing where nothing is known of any of them.
  [[nodiscard]] std::optional<Time> of(std::span<const std::string> trials) const;

 private:
  std::map<std::string, double> least_s_;
  std::map<std::string, std::vector<double>> took_s_;
};

}  // namespace coldload::measure
