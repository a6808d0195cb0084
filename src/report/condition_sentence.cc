#include "report/condition_sentence.h"

#include <fmt/format.h>

namespace coldload::report {

std::string condition_sentence(const findings::Condition& condition,
                               const findings::Examined& examined) {
  if (!examined.value) return fmt::format("{} is not known: {}", condition.name, condition.text);
  return fmt::format("{} is {:.4g}, {}{} {:g}", condition.name, *examined.value,
                     examined.fulfilled ? "" : "not ", condition.above ? "above" : "below",
                     condition.limit);
}

}  // namespace coldload::report
