#include "measure/plan.h"

namespace coldload::measure {

std::optional<ColdPolicy> parse_cold_policy(std::string_view text) {
  for (const ColdPolicy policy : {ColdPolicy::verify, ColdPolicy::best_effort, ColdPolicy::off}) {
    if (to_string(policy) == text) return policy;
  }
  return std::nullopt;
}

std::string_view to_string(ColdPolicy policy) {
  if (policy == ColdPolicy::best_effort) return "best-effort";
  return policy == ColdPolicy::verify ? "verify" : "off";
}

}  // namespace coldload::measure
