#include "cli/baseline.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "cli/command.h"
#include "os/file.h"
#include "text/csv.h"

namespace coldload::cli {

std::vector<measure::BaselineFigure> read_baseline(const std::string& path) {
  std::string content;
  try {
    content = os::read_text(path);
  } catch (const os::Error& error) {
    throw UsageError(fmt::format("--baseline: {}", error.what()));
  }
  std::string problem;
  const auto rows = text::parse_csv(content, &problem);
  if (!rows) throw UsageError(fmt::format("--baseline {}: {}", path, problem));
  if (rows->empty()) throw UsageError(fmt::format("--baseline {}: the file is empty", path));
  const std::vector<std::string>& header = rows->front().fields;
  const auto column = [&](const char* name) {
    return static_cast<std::size_t>(std::find(header.begin(), header.end(), name) - header.begin());
  };
  const std::size_t load = column("load_s");
  const std::size_t mode = column("storage_mode");
  if (load == header.size()) {
    throw UsageError(fmt::format("--baseline {}: it has no column load_s", path));
  }
  std::vector<measure::BaselineFigure> figures;
  for (auto row = rows->begin() + 1; row != rows->end(); ++row) {
    const std::string& field = row->fields[load];
    if (field.empty()) continue;
    double value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc() || end != field.data() + field.size() || !std::isfinite(value) ||
        value < 0) {
      throw UsageError(
          fmt::format("--baseline {}, line {}: load_s '{}' is not a time", path, row->line, field));
    }
    figures.push_back({mode < header.size() ? row->fields[mode] : "", value});
  }
  return figures;
}

}  // namespace coldload::cli
