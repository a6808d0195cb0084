// What one start by `coldload run` came to, for programs: JSON, and the text that Prometheus reads.
//
// Layer: run. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "run/reader_news.h"

namespace coldload::run {

struct StartFigures {
  std::string path;                               // of the model, as it was given
  std::optional<double> ready_s;                  // from launch to ready; nothing: not so far
  std::optional<std::uint64_t> read_ahead_bytes;  // beside the start
  std::optional<double> read_ahead_s;
  std::optional<std::uint64_t> copy_bytes;  // of the copy that was made
  std::optional<double> copy_s;
  bool serves_copy = false;
  std::string problem;  // why nothing was read ahead or copied; empty: that was not so

  // Takes what is news of these. Whether anything is.
  bool take(const ReaderNews& news);
};

// One line, line feed included. What is not known is null.
[[nodiscard]] std::string to_json_line(const StartFigures& figures);

// Gauges with the path as a label. What is not known is not there.
// Format: prometheus.io/docs, "Text-based format".
[[nodiscard]] std::string to_prometheus(const StartFigures& figures);

}  // namespace coldload::run
