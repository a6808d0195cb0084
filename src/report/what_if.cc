#include "report/what_if.h"

#include <algorithm>

#include <fmt/format.h>

#include "report/dominance.h"
#include "report/verdict.h"
#include "report/wording.h"
#include "text/escape.h"
#include "text/table.h"
#include "text/units.h"

namespace coldload::report {

namespace {

// Measured before the first run; of a stand-in what it delivered, which is the same thing.
std::optional<double> rate_of(const Arm& arm) {
  if (arm.facts.floor) {
    if (const auto rate = arm.facts.floor->storage_bytes_per_s()) return rate;
  }
  if (arm.facts.stand_in) return arm.facts.stand_in->delivered_read_bytes_per_s;
  return std::nullopt;
}

Prediction predict_for(const Comparison& comparison, const Arm& arm, double rate_bytes_per_s) {
  Prediction prediction;
  prediction.arm = &arm;
  prediction.rate_bytes_per_s = rate_of(arm);
  if (!arm.facts.prefetch_of.empty()) {
    prediction.why_not = "its weights are read beside the start";
    return prediction;
  }
  if (!prediction.rate_bytes_per_s) {
    prediction.why_not = "what its storage delivers was not measured";
    return prediction;
  }
  const auto share = storage_share_of(comparison, arm);
  if (!share) {
    prediction.why_not = "no warm run tells what of it is storage";
    return prediction;
  }
  if (!share->is_clear) {
    prediction.why_not =
        "its warm runs are not clearly faster: storage cannot be told from the rest";
    return prediction;
  }
  const double slower = *prediction.rate_bytes_per_s / rate_bytes_per_s;
  const double load_s = arm.cold.load_s->median;
  prediction.load_s = loads_only(comparison) ? std::max(arm.warm.load_s->median, load_s * slower)
                                             : load_s + share->seconds() * (slower - 1);
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

std::string what_if_text(const Comparison& comparison, double rate_bytes_per_s) {
  using text::Align;
  const std::string rate = text::format_rate(rate_bytes_per_s);
  text::Table table{{{"path"},
                     {"storage delivered", Align::right},
                     {"measured", Align::right},
                     {"at " + rate, Align::right},
                     {"difference", Align::right}},
                    {}};
  std::string below;
  for (const Prediction& prediction : predict(comparison, rate_bytes_per_s)) {
    const std::string name = text::markdown_code(prediction.arm->facts.label);
    const double load_s = prediction.arm->cold.load_s->median;
    std::vector<std::string> row{
        name, prediction.rate_bytes_per_s ? text::format_rate(*prediction.rate_bytes_per_s) : "",
        in_seconds(load_s)};
    if (prediction.load_s) {
      row.push_back(in_seconds(*prediction.load_s));
      row.push_back(signed_seconds(*prediction.load_s - load_s));
    } else {
      below += fmt::format("{} is not predicted: {}.\n", name, prediction.why_not);
    }
    table.rows.push_back(std::move(row));
  }
  const char* const assumed = loads_only(comparison)
                                  ? "Predicted, not measured: all of a load's time is taken to "
                                    "change with storage's rate, down "
                                    "to that of a warm load."
                                  : "Predicted, not measured: what of a start is storage (cold "
                                    "less warm) is taken to change "
                                    "with its rate, of which the server goes on using the same "
                                    "share; the rest stays. A server "
                                    "that cannot read faster than it did will not.";
  return fmt::format("What if storage delivered {}?\n\n{}\n{}{}\n", rate,
                     text::markdown_table(table), below.empty() ? "" : below + "\n", assumed);
}

}  // namespace coldload::report
