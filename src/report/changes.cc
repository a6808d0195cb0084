#include "report/changes.h"

#include <algorithm>

#include <fmt/format.h>

#include "findings/setting.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

using Words = std::vector<std::string>;

std::string number_of(const std::optional<std::uint64_t>& number) {
  return number ? fmt::format("{}", *number) : "";
}

std::string size_of(const std::optional<std::uint64_t>& bytes) {
  return bytes ? format_bytes(*bytes) : "";
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
std::string word_change(const char* what, const Words& then, const Words& now) {
  const Words only_then = only_in(then, now);
  const Words only_now = only_in(now, then);
  Words parts;
  if (!only_then.empty()) parts.push_back("then with " + joined(only_then));
  if (!only_now.empty()) parts.push_back("now with " + joined(only_now));
  if (parts.empty()) parts.emplace_back("in another order");
  return fmt::format("{} ({})", what, fmt::join(parts, ", "));
}

}  // namespace

std::vector<std::string> changes_between(const Arm& then, const Arm& now) {
  Words words;
  add("path", then.facts.path, now.facts.path, &words);
  add("stand-in", stand_in_of(then), stand_in_of(now), &words);
  return words;
}

std::vector<std::string> changes_between(const Comparison& then, const Comparison& now) {
  Words words;
  using Facts = records::ExperimentFacts;
  const auto add_fact = [&](const char* what, std::string (*text_of)(const Facts&)) {
    add(what, text_of(then.facts), text_of(now.facts), &words);
  };
  const findings::Machine then_machine = findings::machine_of(then.facts);
  const findings::Machine now_machine = findings::machine_of(now.facts);
  add("CPU", then_machine.cpu, now_machine.cpu, &words);
  add("cores", number_of(then_machine.cores), number_of(now_machine.cores), &words);
  if (!findings::have_like_memory(then_machine, now_machine)) {
    add("memory", size_of(then_machine.memory_bytes), size_of(now_machine.memory_bytes), &words);
  }
  add("GPU", joined(then_machine.gpus), joined(now_machine.gpus), &words);
  add("bytes of weights", number_of(then.checkpoint_bytes), number_of(now.checkpoint_bytes),
      &words);
  add_fact("server version", findings::server_version_of);
  add("max\\_model\\_len", number_of(then.max_model_len), number_of(now.max_model_len), &words);
  add("cold policy", then.facts.cold_policy, now.facts.cold_policy, &words);
  if (then.facts.drop_caches != now.facts.drop_caches) words.emplace_back("`--drop-caches`");
  add_fact("runtime caches", findings::compile_cache_of);
  const auto add_words = [&](const char* what, Words (*words_of)(const Facts&)) {
    const Words before = words_of(then.facts);
    const Words after = words_of(now.facts);
    if (before != after) words.push_back(word_change(what, before, after));
  };
  add_words("the server's command", findings::server_words);
  add_words("the server's variables", findings::server_variables);
  add_words("the loader's flags", findings::loader_words);
  if (findings::is_native(then.facts) && findings::is_native(now.facts)) {
    add_fact("coldload", findings::coldload_version_of);
  }
  if (findings::pinned_flags_of(then.facts) != findings::pinned_flags_of(now.facts)) {
    words.emplace_back("the flags that coldload adds");
  }
  return words;
}

}  // namespace coldload::report
