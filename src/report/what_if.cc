#include "report/what_if.h"

#include <fmt/format.h>

#include "findings/what_if.h"
#include "report/wording.h"

namespace coldload::report {

std::string what_if_text(const Comparison& comparison, double rate_bytes_per_s) {
  const std::string rate = format_rate(rate_bytes_per_s);
  Table table = table_of({"path"}, {"storage delivered", "measured", "at " + rate, "difference"});
  std::string below;
  for (const findings::Prediction& prediction : predict(comparison, rate_bytes_per_s)) {
    const std::string name = name_of(*prediction.arm);
    const double load_s = median_s(*prediction.arm);
    std::vector<std::string> row{name, rate_cell(prediction.rate_bytes_per_s), in_seconds(load_s)};
    if (prediction.load_s) {
      row.push_back(in_seconds(*prediction.load_s));
      row.push_back(signed_seconds(*prediction.load_s - load_s));
    } else {
      below += fmt::format("{} is not predicted: {}.\n", name, prediction.why_not);
    }
    table.rows.push_back(std::move(row));
  }
  return fmt::format(
      "What if storage delivered {}?\n\n{}\n{}Predicted, not measured: reading the weights is "
      "taken "
      "to change with the rate, down to its time with them in memory, where it waited for storage; "
      "where it took longer than storage needed, it is taken to be as slow as that everywhere. The "
      "rest of a start stays.\n",
      rate, markdown_table(table), below.empty() ? "" : below + "\n");
}

}  // namespace coldload::report
