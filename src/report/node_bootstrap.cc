#include "report/node_bootstrap.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "findings/setting.h"
#include "report/dominance.h"
#include "report/wording.h"
#include "text/escape.h"
#include "text/json.h"
#include "text/secret_words.h"

namespace coldload::report {

namespace {

// What a placeholder of the server's command stands for in the script; the rest is quoted.
std::string script_word(std::string_view word, const std::string& model) {
  const std::array<std::pair<std::string_view, std::string>, 2> k_stands_for{
      {{"{model}", model}, {"{port}", "\"${PORT:-8000}\""}}};
  std::string out;
  while (!word.empty()) {
    std::size_t next = std::string_view::npos;
    const std::pair<std::string_view, std::string>* found = nullptr;
    for (const auto& entry : k_stands_for) {
      const std::size_t at = word.find(entry.first);
      if (at < next) {
        next = at;
        found = &entry;
      }
    }
    const std::string_view plain = word.substr(0, next);
    if (!plain.empty()) out += text::shell_word(std::string(plain));
    if (found == nullptr) break;
    out += found->second;
    word.remove_prefix(next + found->first.size());
  }
  return out.empty() ? "''" : out;
}

// As a line of the script; `model`: what {model} stands for there. With what coldload added to the
// command, so that this is the server that was measured.
std::string server_line(const Comparison& comparison, const std::string& model) {
  std::string line;
  for (std::string word : findings::server_words(comparison.facts)) {
    constexpr std::string_view k_length = "{max_model_len}";
    if (const std::size_t at = word.find(k_length); at != std::string::npos) {
      word.replace(at, k_length.size(), fmt::format("{}", comparison.max_model_len.value_or(0)));
    }
    line += " " + script_word(word, model);
  }
  for (const std::string& flag : findings::pinned_flags_of(comparison.facts)) {
    line += " " + text::shell_word(flag);
  }
  return line;
}

// The variables that were set for the server.
std::string environment_lines(const Comparison& comparison) {
  std::string lines;
  for (const std::string& variable : findings::server_variables(comparison.facts)) {
    lines += "export " + text::shell_word(variable) + '\n';
  }
  return lines;
}

// The block device below an arm's path, where there is one.
std::optional<std::string> device_of(const Arm& arm) {
  return text::string_at(arm.facts.storage, "device");
}

// The arm whose cold and warm starts tell what reading from `place` costs: itself, or a path on the
// same disk. Null where none does.
const Arm* measured_on(const Comparison& comparison, const Arm& place) {
  constexpr double k_least = 0.02;  // of a start: less is not worth a command
  const auto tells = [](const Arm& arm) {
    const auto storage_s = shown_storage_s(arm);
    return storage_s && *storage_s > k_least * median_s(arm) && *arm.cold_less_warm_s() > 0;
  };
  if (tells(place)) return &place;
  for (const Arm* path : paths_by_time(comparison)) {
    if (device_of(place) && device_of(*path) == device_of(place) && tells(*path)) return path;
  }
  return nullptr;
}

// Brings what lies at `place`, the script's `variable`, into memory where starts were seen to gain
// by that.
std::string into_memory(const Comparison& comparison, const Arm& place, const char* variable) {
  const Arm* measured = measured_on(comparison, place);
  if (measured == nullptr) return "";
  return fmt::format(
      "  # From memory, reading the weights takes {} less of a start{}.\n"
      "  coldload cache warm \"${}\"\n",
      in_seconds(measured->share->seconds()),
      measured == &place
          ? ""
          : fmt::format(" (measured on {}, the same disk)", text::one_line(measured->facts.label)),
      variable);
}

// What is done as the node comes up, and no more than that.
std::string at_boot(const std::string& lines) {
  return "if [ \"${1:-}\" = boot ]; then\n" + lines + "  exit\nfi\n";
}

std::string mount_check(const Arm& staged) {
  const auto mount = text::string_at(staged.facts.storage, "mount_point");
  if (!mount || *mount == "/" || mount->empty()) return "";
  return fmt::format(
      "# Without its mount, the copy would fill another disk.\n"
      "mountpoint --quiet {0} || {{ echo {1} >&2; exit 1; }}\n",
      text::shell_word(*mount), text::shell_word(*mount + " is not mounted"));
}

std::string copy_line(const Staging& staging, const char* indent) {
  return fmt::format(
      "{0}# {1} the first time, milliseconds where the copy is there; fails without room for it.\n"
      "{0}coldload stage --wait \"$model\" \"$copy\"\n",
      indent, in_seconds(staging.copy_s));
}

std::string staged_start(const Comparison& comparison, const Staging& staging) {
  const std::string out =
      copy_line(staging, "") + at_boot(into_memory(comparison, *staging.staged, "copy"));
  const Mode& hot = staging.staged->warm;
  if (hot.load_s && hot.load_s->max < staging.staged->cold.load_s->min) {
    return out + fmt::format(
                     "# A start from memory takes {}, one from the disk {}: the copy is read "
                     "beside the start.\n"
                     "exec coldload run \"$copy\" --{}\n",
                     in_seconds(hot.load_s->median), in_seconds(staging.later_s),
                     server_line(comparison, "{model}"));
  }
  return out + "exec" + server_line(comparison, "\"$copy\"") + "\n";
}

// The first start reads ahead and leaves a copy for those after it, unless the boot did.
std::string read_ahead_and_staged_start(const Comparison& comparison, const Staging& staging) {
  const Arm& source = *staging.source;
  return fmt::format(
      "{}"
      "# Without the copy: ready after {} instead of {}, the weights are read while the server\n"
      "# starts; the copy is made once it is ready. From the copy: {}. Each was measured alone.\n"
      "exec coldload run --stage \"$copy\" \"$model\" --{}\n",
      at_boot(copy_line(staging, "  ") + into_memory(comparison, *staging.staged, "copy")),
      time_of(*prefetched(comparison, source)), time_of(source), in_seconds(staging.later_s),
      server_line(comparison, "{model}"));
}

std::string direct_start(const Comparison& comparison, const Arm& path) {
  const std::string out = at_boot(into_memory(comparison, path, "model"));
  if (!prefetch_saves(comparison, path)) {
    return out + "exec" + server_line(comparison, "\"$model\"") + "\n";
  }
  return out + fmt::format(
                   "# Ready after {} instead of {}: the weights are read while the server starts.\n"
                   "exec coldload run \"$model\" --{}\n",
                   time_of(*prefetched(comparison, path)), time_of(path),
                   server_line(comparison, "\"$model\""));
}

// What follows the header: the places, then what is done.
std::string body_for(const Comparison& comparison, const Arm& path) {
  const auto staging = staging_in(comparison);
  if (!staging_pays(comparison, staging) && !copy_may_pay(comparison, staging)) {
    return fmt::format("model={}\n\n", text::shell_word(path.facts.path)) +
           direct_start(comparison, path);
  }
  return fmt::format("model={}\ncopy={}\n\n", text::shell_word(staging->source->facts.path),
                     text::shell_word(staging->staged->facts.path)) +
         mount_check(*staging->staged) +
         (prefetch_saves(comparison, *staging->source)
              ? read_ahead_and_staged_start(comparison, *staging)
              : staged_start(comparison, *staging));
}

std::string script_for(const Comparison& comparison, const Arm& path) {
  return fmt::format(
             "#!/usr/bin/env bash\n"
             "# Starts a node that serves {}; written from measurements.\n"
             "# With the word boot: what is done as the node comes up, before anybody waits.\n"
             "set -euo pipefail\n",
             text::one_line(comparison.model)) +
         environment_lines(comparison) + body_for(comparison, path);
}

}  // namespace

std::string node_bootstrap_of(const Comparison& comparison) {
  const Arm* path = chosen_path(comparison);
  if (path == nullptr || findings::server_words(comparison.facts).empty()) return "";
  std::string script = script_for(comparison, *path);
  if (script.find(text::k_redacted) != std::string::npos) {
    // A word in its place would be taken for the credential.
    script.insert(
        script.find('\n') + 1,
        "# Credentials are left out of records: put yours in the place of each [redacted].\n");
  }
  return script;
}

}  // namespace coldload::report
