// Load times as servers have them, drawn at random: what the simulations beside this are made of.
#pragma once

#include <cmath>
#include <cstddef>
#include <functional>
#include <random>
#include <vector>

namespace coldload::bench {

using Random = std::mt19937_64;
using Values = std::vector<double>;

struct Distribution {
  const char* name;
  std::function<double(Random&)> load_s;  // about 10 s
};

inline double normal(Random& random) { return std::normal_distribution<double>()(random); }
inline double uniform(Random& random) { return std::uniform_real_distribution<double>()(random); }

inline std::vector<Distribution> distributions() {
  return {
      {"steady: lognormal, 2 %", [](Random& r) { return 10 * std::exp(0.02 * normal(r)); }},
      {"noisy: lognormal, 20 %", [](Random& r) { return 10 * std::exp(0.2 * normal(r)); }},
      {"waits: 10 s and an exponential tail of 1 s",
       [](Random& r) { return 10 - std::log(1 - uniform(r)); }},
      {"two clusters: one of five takes 30 % longer",
       [](Random& r) { return (uniform(r) < 0.2 ? 13 : 10) * std::exp(0.01 * normal(r)); }},
      {"rounded to whole seconds: many ties",
       [](Random& r) { return std::round(10 * std::exp(0.1 * normal(r))); }},
  };
}

inline Values draw(const Distribution& from, std::size_t n, double factor, Random& random) {
  Values values;
  for (std::size_t i = 0; i < n; ++i) values.push_back(factor * from.load_s(random));
  return values;
}

}  // namespace coldload::bench
