// A scratch folder with one request for a copy, made or refused.
#pragma once

#include <string>

#include "os/error.h"
#include "stage/stager.h"
#include "unit/stage/scratch.h"

namespace coldload::stage {

class Staging : public Scratch {
 protected:
  StageResult run() const {
    return stage(request_, {[](const std::string&) {}, [](const CopyProgress&) {}});
  }
  [[nodiscard]] std::string refusal() const {
    try {
      (void)run();
    } catch (const os::Error& error) {
      return error.what();
    }
    return "";
  }

  StageRequest request_;
};

}  // namespace coldload::stage
