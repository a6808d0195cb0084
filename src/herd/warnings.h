// What is told while a node works, for the first rank to say.
//
// Layer: herd.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "measure/watcher.h"

namespace coldload::herd {

class Warnings : public measure::ExperimentWatcher {
 public:
  void warning(const std::string& text) override { all_.push_back(text); }
  // All since the last call.
  [[nodiscard]] std::vector<std::string> take() { return std::exchange(all_, {}); }

  void experiment_begins(const measure::Outlook& /*outlook*/) override {}
  void trial_begins(const measure::Subject& /*subject*/, std::uint64_t /*position*/,
                    std::uint64_t /*total*/) override {}
  void step(const std::string& /*step*/, std::uint64_t /*bytes*/,
            std::uint64_t /*total_bytes*/) override {}
  void trial_ended(const measure::Subject& /*subject*/,
                   const records::Record& /*record*/) override {}
  void looked_at_precision(const measure::PrecisionLook& /*look*/) override {}

 private:
  std::vector<std::string> all_;
};

}  // namespace coldload::herd
