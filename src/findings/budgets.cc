#include "findings/budgets.h"

#include <algorithm>
#include <array>
#include <map>

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
  std::map<std::string, double> others = facts.budgets_s;
  for (const KnownUse& use : k_uses) {
    const auto set = others.extract(use.key);
    budgets.push_back({use.name, set ? set.mapped() : use.default_s, set && by_user(use.key)});
  }
  for (const auto& [use, seconds] : others) budgets.push_back({use, seconds, by_user(use)});
  return budgets;
}

}  // namespace coldload::findings
