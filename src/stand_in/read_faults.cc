#include "stand_in/read_faults.h"

#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "text/units.h"

namespace coldload::stand_in {

namespace {

// A number from 0 to 1 for request `number` (the output function of SplitMix64, Steele et al.,
// 2014).
double draw(std::uint64_t seed, std::uint64_t number) {
  constexpr std::uint64_t k_golden = 0x9e3779b97f4a7c15;
  std::uint64_t z = (seed << 32) + (number + 1) * k_golden;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1.0p-53;
}

}  // namespace

std::string to_string(const ReadFaults& faults) {
  std::vector<std::string> parts;
  if (faults.fail_after_bytes) {
    parts.push_back("reads fail after " + text::format_bytes(*faults.fail_after_bytes));
  }
  if (faults.hang_after_bytes) {
    parts.push_back("reads hang after " + text::format_bytes(*faults.hang_after_bytes));
  }
  if (faults.error_share > 0) {
    constexpr double k_percent = 100;
    parts.push_back(fmt::format("{:g} % of the read requests fail (seed {})",
                                faults.error_share * k_percent, faults.seed));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

ReadFate FaultGate::decide(std::uint64_t bytes) {
  if (!faults_.any()) return ReadFate::serve;
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = requests_++;
  const auto is_beyond = [&](const std::optional<std::uint64_t>& limit) {
    return limit && served_bytes_ + bytes > *limit;
  };
  hanging_ = hanging_ || is_beyond(faults_.hang_after_bytes);
  if (hanging_) return ReadFate::hang;
  failing_ = failing_ || is_beyond(faults_.fail_after_bytes);
  if (failing_ || draw(faults_.seed, number) < faults_.error_share) return ReadFate::fail;
  served_bytes_ += bytes;
  return ReadFate::serve;
}

}  // namespace coldload::stand_in
