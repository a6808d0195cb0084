#include "findings/budgets.h"

#include <algorithm>
#include <array>

namespace coldload::findings {

namespace {

struct KnownUse {
  const char* key;
  const char* name;
  double default_s;
};
constexpr std::array<KnownUse, 3> k_uses{{{"dev", "dev and notebooks", 120},
                                          {"internal", "internal services", 60},
                                          {"user", "user-facing endpoints", 20}}};

}  // namespace

std::vector<Budget> budgets_of(const Comparison& comparison) {
  const records::ExperimentFacts& facts = comparison.facts;
  const auto by_user = [&facts](const std::string& use) {
    return std::find(facts.budgets_set_by_user.begin(), facts.budgets_set_by_user.end(), use) !=
           facts.budgets_set_by_user.end();
  };
  std::vector<Budget> budgets;
  for (const KnownUse& use : k_uses) {
    const auto set = facts.budgets_s.find(use.key);
    budgets.push_back(set == facts.budgets_s.end()
                          ? Budget{use.name, use.default_s, false}
                          : Budget{use.name, set->second, by_user(use.key)});
  }
  for (const auto& [use, seconds] : facts.budgets_s) {
    const bool known =
        std::any_of(k_uses.begin(), k_uses.end(),
                    [&use = use](const KnownUse& entry) { return use == entry.key; });
    if (!known) budgets.push_back({use, seconds, by_user(use)});
  }
  return budgets;
}

}  // namespace coldload::findings
