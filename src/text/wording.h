// Numbers and lists as reports and pictures write them: one way each.
//
// Layer: text. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace coldload::text {

// "13.3 s", "4.25 s", "128 s", "8.4 ms"; from 1000 s on "27 min 50 s" and "2 h 19 min".
[[nodiscard]] std::string in_seconds(double seconds);

// "20.6-22.9 s": from `low` to `high`.
[[nodiscard]] std::string seconds_range(double low, double high);

// "+21.4 s", "-0.31 s"
[[nodiscard]] std::string signed_seconds(double seconds);

// "2.61", "10.3", "128": of a ratio.
[[nodiscard]] std::string in_times(double ratio);

// How much longer: "2.60 times as long", from 1.1 on; below it "4 % longer". `ratio` is 1 at least.
[[nodiscard]] std::string longer_by(double ratio);

// The same, to be followed by what it is longer than: "2.60 times as long as", "4 % longer than".
[[nodiscard]] std::string longer_than(double ratio);

// "76 %", "0.96 %", "0 %": a share.
[[nodiscard]] std::string percent(double share);

// "p = 0.008", "p < 0.001".
[[nodiscard]] std::string p_text(double p);

// "one run", "5 runs".
[[nodiscard]] std::string runs(std::size_t n);

// "a", "a and b", "a, b and c".
[[nodiscard]] std::string joined(const std::vector<std::string>& words);

// `lines`, which end in a line end, as a Markdown block of code that nothing in it can close.
[[nodiscard]] std::string code_block(const std::string& lines, std::string_view language);

// The sentence without white space at its end, and with a full stop.
[[nodiscard]] std::string sentence(std::string text);

}  // namespace coldload::text
