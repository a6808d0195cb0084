#include "report/changes.h"

#include <algorithm>

#include <fmt/format.h>

#include "measure/floor_json.h"
#include "report/wording.h"
#include "text/escape.h"
#include "text/json.h"

namespace coldload::report {

namespace {

using text::markdown_code;
using text::markdown_text;
using Words = std::vector<std::string>;

std::string cpu_of(const Comparison& comparison) {
  return text::string_at(comparison.facts.environment, "cpu").value_or("");
}

std::string gpus_of(const Comparison& comparison) {
  Words names;
  for (const text::json::object& gpu : measure::objects_in(comparison.facts.environment, "gpus")) {
    names.push_back(text::string_at(gpu, "name").value_or(""));
  }
  return joined(names);
}

std::string server_version_of(const measure::ExperimentFacts& facts) {
  return text::string_at(measure::object_in(facts.environment, "server"), "installed_version")
      .value_or("");
}

Words server_of(const measure::ExperimentFacts& facts) {
  const auto dashes = std::find(facts.command.begin(), facts.command.end(), "--");
  return {dashes, facts.command.end()};
}

std::string length_of(const Comparison& comparison) {
  return comparison.max_model_len ? fmt::format("{}", *comparison.max_model_len) : "";
}

std::string stand_in_of(const Arm& arm) {
  if (!arm.facts.stand_in) return "none";
  return fmt::format("{} by {}", arm.facts.stand_in->spec, arm.facts.stand_in->method);
}

void add(const char* what, const std::string& before, const std::string& after, Words* words) {
  if (before == after) return;
  words->push_back(fmt::format("{} ({}, now {})", what,
                               before.empty() ? "not known" : markdown_text(before),
                               after.empty() ? "not known" : markdown_text(after)));
}

// Of `words`, those that `others` has not, as often as it has not.
Words only_in(const Words& words, Words others) {
  Words only;
  for (const std::string& word : words) {
    const auto also = std::find(others.begin(), others.end(), word);
    if (also == others.end()) {
      only.push_back(markdown_code(word));
    } else {
      others.erase(also);
    }
  }
  return only;
}

// "the server's command (then with `-a`, now with `-b`)"
std::string command_change(const Words& then, const Words& now) {
  const Words only_then = only_in(then, now);
  const Words only_now = only_in(now, then);
  Words parts;
  if (!only_then.empty()) parts.push_back("then with " + joined(only_then));
  if (!only_now.empty()) parts.push_back("now with " + joined(only_now));
  if (parts.empty()) parts.emplace_back("in another order");
  return fmt::format("the server's command ({})", fmt::join(parts, ", "));
}

}  // namespace

std::string compile_cache_of(const measure::ExperimentFacts& facts) {
  return text::string_at(measure::object_in(facts.environment, "server"), "compile_cache")
      .value_or("");
}

bool are_same_machine(const Comparison& a, const Comparison& b) {
  return cpu_of(a) == cpu_of(b) && gpus_of(a) == gpus_of(b);
}

std::vector<std::string> changes_between(const Arm& then, const Arm& now) {
  Words words;
  add("path", then.facts.path, now.facts.path, &words);
  add("stand-in", stand_in_of(then), stand_in_of(now), &words);
  return words;
}

std::vector<std::string> changes_between(const Comparison& then, const Comparison& now) {
  Words words;
  add("CPU", cpu_of(then), cpu_of(now), &words);
  add("GPU", gpus_of(then), gpus_of(now), &words);
  add("server version", server_version_of(then.facts), server_version_of(now.facts), &words);
  add("max\\_model\\_len", length_of(then), length_of(now), &words);
  add("cold policy", then.facts.cold_policy, now.facts.cold_policy, &words);
  if (then.facts.drop_caches != now.facts.drop_caches) words.emplace_back("`--drop-caches`");
  add("runtime caches", compile_cache_of(then.facts), compile_cache_of(now.facts), &words);
  const Words then_server = server_of(then.facts);
  const Words now_server = server_of(now.facts);
  if (then_server != now_server) words.push_back(command_change(then_server, now_server));
  if (pinned_flags_of(then.facts) != pinned_flags_of(now.facts)) {
    words.emplace_back("the flags that coldload adds");
  }
  return words;
}

}  // namespace coldload::report
