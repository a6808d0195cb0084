// How a server's log is to be read: which text means what. Each server's file has its own table.
//
// Layer: server. Starts nothing.
#pragma once

#include <span>
#include <string_view>

namespace coldload::server {

// What a text says of a phase.
enum class Says {
  begins,   // it begins here
  ends,     // it ends here
  took,     // it ends here, and lasted since its `begins` or else group 1 in seconds
  spans,    // one of several signs of it: it lasts from the first to the last
  reports,  // nothing
  sums_up,  // nothing, and group 1 is the server's own total: it beats its single lines
};

// How well a text places a phase. Only the best that a log has is used.
enum class Evidence {
  direct,     // the server timed just this
  progress,   // a progress bar of it
  enclosing,  // the server timed it together with other things
};

struct Sign {
  Says says;
  Evidence evidence = Evidence::direct;
  constexpr Sign(Says what, Evidence how = Evidence::direct)  // NOLINT(google-explicit-constructor)
      : says(what), evidence(how) {}                          // most are direct
};
constexpr Sign progress(Says what) { return {what, Evidence::progress}; }
constexpr Sign enclosing(Says what) { return {what, Evidence::enclosing}; }

// A key in _s or _gib is an amount: of one worker, what `took` says adds up, and of all else the
// largest stands. A key in _tokens is a whole number, any other a text; the last one stands.
struct LogPattern {
  Sign sign;
  std::string_view phase;  // start, weights, compile, profile, kv_cache, graphs, http, or empty
  std::string_view key;    // what group 1 is called in `reported`; empty: not reported
  // RE2 syntax, found anywhere in a line; a `$` beside [\r\n], as many lines are searched at once.
  std::string_view regex;
  std::string_view second_key = {};  // what group 2 is called
  double scale = 1;                  // group 1 times this is in the key's unit
};

struct LogGrammar {
  std::span<const LogPattern> patterns = {};
  std::string_view worker = {};  // group 1 names the worker that wrote a line
};

}  // namespace coldload::server
