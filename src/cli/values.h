// Flags whose values people write as fio's and dd's people do: 128MiB, 250MB/s, 10m, 5%. What does
// not read as one is wrong use that names the flag.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "load/loader.h"
#include "text/units.h"

namespace coldload::cli {

// A whole number of at least 1 and at most `most`, written in digits alone.
[[nodiscard]] inline std::optional<std::uint64_t> parse_count(std::string_view text,
                                                              std::uint64_t most) {
  std::uint64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  const bool is_one = error == std::errc() && stop == end && count > 0 && count <= most;
  return is_one ? std::optional(count) : std::nullopt;
}

// A flag whose value is what `parse` makes of its text; where that is nothing, the text is
// "not `what`". `Value` may be optional.
template <typename Value, typename Parse>
CLI::Option* add_parsed(CLI::App* app, const std::string& flag, Value* value, Parse parse,
                        const char* what, const std::string& description) {
  return app->add_option_function<std::string>(
      flag,
      [=](const std::string& text) {
        auto parsed = parse(text);
        if (!parsed) throw UsageError(fmt::format("{} {}: not {}", flag, text, what));
        *value = *std::move(parsed);
      },
      description);
}

// The same; where that is nothing, the text "cannot be read as `what`". An empty text stands for a
// flag that is not given.
template <typename Value, typename Parse>
CLI::Option* add_read(CLI::App* app, const std::string& flag, Value* value, Parse parse,
                      const char* what, const std::string& description) {
  return app->add_option_function<std::string>(
      flag,
      [=](const std::string& text) {
        if (!text.empty()) *value = wanted(parse(text), flag, text, what);
      },
      description);
}

template <typename Value>
CLI::Option* add_size(CLI::App* app, const std::string& flag, Value* bytes,
                      const std::string& description) {
  const auto parse = [](const std::string& text) {
    const auto size = text::parse_size(text);
    return size == 0U ? std::nullopt : size;
  };
  return add_parsed(app, flag, bytes, parse, "a size, such as 128MiB", description)
      ->type_name("SIZE");
}

// More than none.
[[nodiscard]] inline std::optional<std::chrono::nanoseconds> parse_time(std::string_view text) {
  const auto time = text::parse_duration(text);
  return time == std::chrono::nanoseconds(0) ? std::nullopt : time;
}

template <typename Value>
CLI::Option* add_time(CLI::App* app, const std::string& flag, Value* time,
                      const std::string& description) {
  return add_parsed(app, flag, time, parse_time, "a time, such as 600s or 10m", description)
      ->type_name("TIME");
}

// "250MB/s" or "250MB/s,1ms".
[[nodiscard]] inline std::optional<load::Pacing> parse_pacing(const std::string& text) {
  const std::size_t comma = text.find(',');
  const auto rate = text::parse_rate(text.substr(0, comma));
  const auto latency =
      text::parse_duration(comma == std::string::npos ? "0" : text.substr(comma + 1));
  if (!rate || !latency) return std::nullopt;
  return load::Pacing{*rate, *latency};
}

inline CLI::Option* add_pacing(CLI::App* app, std::optional<load::Pacing>* pacing,
                               const std::string& description) {
  return add_parsed(app, "--pace", pacing, parse_pacing, "a rate and a latency, as in 250MB/s,1ms",
                    description)
      ->type_name("RATE,TIME");
}

// Which of a checkpoint's files are its weights, where the user knows better.
inline CLI::Option* add_weights(CLI::App* app, std::string* pattern) {
  return app
      ->add_option("--weights", *pattern,
                   "the files that are the weights, as a shell pattern (default: guessed from "
                   "names)")
      ->type_name("GLOB");
}

}  // namespace coldload::cli
