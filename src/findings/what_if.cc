#include "findings/what_if.h"

#include <algorithm>

#include "findings/storage_share.h"
#include "findings/subject.h"

namespace coldload::findings {

namespace {

// Measured before the first run; of a stand-in what it delivered, which is the same thing.
std::optional<double> rate_of(const Arm& arm) {
  if (arm.facts.floor) {
    if (const auto rate = arm.facts.floor->storage_bytes_per_s()) return rate;
  }
  if (arm.facts.stand_in) return arm.facts.stand_in->delivered_read_bytes_per_s;
  return std::nullopt;
}

// The part of a start that reads the weights.
struct Reading {
  double seconds = 0;  // at the measured rate
  double least_s = 0;  // with the weights in memory
};

Reading reading_of(const Comparison& comparison, const Arm& arm, const StorageShare& share) {
  if (loads_only(comparison)) return {arm.cold.load_s->median, arm.warm.load_s->median};
  if (share.of_phase) return {share.cold_s, share.warm_s};
  return {share.seconds(), 0};
}

// From this multiple of bytes / rate on, it was not storage alone that the reading waited for.
constexpr double k_own_limit = 1.15;

// How long the same reading takes from storage of another rate.
double reading_at(const Reading& reading, double bytes, double measured_rate, double other_rate) {
  if (reading.seconds > k_own_limit * bytes / measured_rate) {
    return std::max(reading.seconds, bytes / other_rate);
  }
  return std::max(reading.least_s, reading.seconds * measured_rate / other_rate);
}

// Why there is no prediction for an arm; empty where there is one.
const char* why_not(const Arm& arm) {
  if (!arm.facts.prefetch_of.empty()) return "its weights are read beside the start";
  if (!rate_of(arm)) return "what its storage delivers was not measured";
  if (!arm.share) return "no warm run tells what of it is storage";
  if (!arm.share->is_clear) {
    return "its warm runs are not clearly faster: storage cannot be told from the rest";
  }
  return arm.checkpoint_bytes == 0 ? "the size of its weights is not on record" : "";
}

Prediction predict_for(const Comparison& comparison, const Arm& arm, double rate_bytes_per_s) {
  Prediction prediction{&arm, rate_of(arm), std::nullopt, why_not(arm)};
  if (!prediction.why_not.empty()) return prediction;
  const Reading reading = reading_of(comparison, arm, *arm.share);
  const auto bytes = static_cast<double>(arm.checkpoint_bytes);
  const double load_s = arm.cold.load_s->median - reading.seconds +
                        reading_at(reading, bytes, *prediction.rate_bytes_per_s, rate_bytes_per_s);
  // What was read beside the start does not show in warm starts, and may not fit beside it then.
  prediction.load_s = std::max(load_s, bytes / rate_bytes_per_s);
  return prediction;
}

}  // namespace

std::vector<Prediction> predict(const Comparison& comparison, double rate_bytes_per_s) {
  std::vector<Prediction> predictions;
  for (const Arm& arm : comparison.arms) {
    if (arm.cold.load_s) predictions.push_back(predict_for(comparison, arm, rate_bytes_per_s));
  }
  return predictions;
}

}  // namespace coldload::findings
