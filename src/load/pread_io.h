// Reads by pread(2): one at a time, done when submit() returns.
//
// Layer: load. Knows nothing of tensors, servers or experiments.
#pragma once

#include <optional>

#include "load/io.h"

namespace coldload::load {

class PreadIo final : public Io {
 public:
  void submit(const ReadRequest& request) override;
  std::optional<ReadOutcome> finished(Wait wait) override;

 private:
  std::optional<ReadOutcome> outcome_;
};

}  // namespace coldload::load
