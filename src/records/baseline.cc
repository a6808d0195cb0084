#include "records/baseline.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/file.h"
#include "text/byte_order_mark.h"
#include "text/csv.h"
#include "text/escape.h"

namespace coldload::records {

namespace {

constexpr std::size_t k_largest_file_bytes = 64 << 20;

std::string text_of(const std::string& path) {
  if (os::regular_file_size(path) > k_largest_file_bytes) {
    throw os::Error(fmt::format("cannot read the baseline {}: it is larger than {} bytes", path,
                                k_largest_file_bytes));
  }
  return std::string(text::without_byte_order_mark(os::read_text(path, k_largest_file_bytes)));
}

std::optional<std::size_t> column_of(const text::CsvRow& header, const std::string& name) {
  const auto found = std::find(header.fields.begin(), header.fields.end(), name);
  if (found == header.fields.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header.fields.begin());
}

}  // namespace

std::vector<BaselineFigure> read_baseline_csv(const std::string& path) {
  std::string error;
  const auto rows = text::parse_csv(text_of(path), &error);
  if (!rows) throw os::Error(fmt::format("cannot read the baseline {}: {}", path, error));
  if (rows->empty()) throw os::Error(fmt::format("cannot read the baseline {}: it is empty", path));
  const auto load_s = column_of(rows->front(), "load_s");
  const auto mode = column_of(rows->front(), "storage_mode");
  if (!load_s) {
    throw os::Error(
        fmt::format("cannot read the baseline {}: its header has no column load_s", path));
  }
  std::vector<BaselineFigure> figures;
  for (auto row = rows->begin() + 1; row != rows->end(); ++row) {
    const std::string& field = row->fields[*load_s];
    if (field.empty()) continue;
    double seconds = 0;
    const auto [end, problem] = std::from_chars(field.data(), field.data() + field.size(), seconds);
    if (problem != std::errc() || end != field.data() + field.size() || !std::isfinite(seconds) ||
        seconds < 0) {
      throw os::Error(fmt::format("cannot read the baseline {}: line {}: load_s is {}, not seconds",
                                  path, row->line, text::quoted(field)));
    }
    figures.push_back({mode ? row->fields[*mode] : "", seconds});
  }
  return figures;
}

}  // namespace coldload::records
