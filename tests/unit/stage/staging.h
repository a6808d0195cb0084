// A scratch folder with one request for a copy, made or refused.
#pragma once

#include <functional>
#include <string>

#include "os/error.h"
#include "stage/stager.h"
#include "unit/stage/scratch.h"

namespace coldload::stage {

class Staging : public Scratch {
 protected:
  using Meanwhile = std::function<void(const CopyProgress&)>;

  StageResult run(const Meanwhile& meanwhile = [](const CopyProgress&) {}) const {
    return stage(request_, {[](const std::string&) {}, meanwhile});
  }
  [[nodiscard]] std::string refusal() const {
    return refusal_of([](const CopyProgress&) {});
  }
  [[nodiscard]] std::string refusal_of(const Meanwhile& meanwhile) const {
    try {
      (void)run(meanwhile);
    } catch (const os::Error& error) {
      return error.what();
    }
    return "";
  }

  StageRequest request_;
};

}  // namespace coldload::stage
