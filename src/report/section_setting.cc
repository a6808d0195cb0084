// The setting: machine, paths, target, versions, how to repeat it; and what is still missing.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "findings/setting.h"
#include "report/floor_use.h"
#include "report/sections.h"
#include "report/wording.h"
#include "text/escape.h"
#include "text/json.h"

namespace coldload::report {

namespace {

using text::json::object;

std::string gpu_text(const object& environment) {
  std::vector<std::string> words;
  for (const object* gpu : text::objects_at(environment, "gpus")) {
    std::string word = markdown_text(text::string_at(*gpu, "name").value_or("unnamed"));
    if (const auto memory = text::number_at(*gpu, "memory_mib")) {
      word += fmt::format(", {:.0f} MiB", *memory);
    }
    if (const auto driver = text::string_at(*gpu, "driver")) {
      word += ", driver " + markdown_text(*driver);
    }
    words.push_back(std::move(word));
  }
  if (!words.empty()) return joined(words);
  const auto reason = text::string_at(environment, "gpu_reason");
  return reason ? "none: " + markdown_text(*reason) : "not on record";
}

std::string machine_lines(const object& environment) {
  const auto known = [&environment](const char* key) {
    const auto value = text::string_at(environment, key);
    return value ? markdown_text(*value) : std::string("not on record");
  };
  std::string cpu = known("cpu");
  if (const auto cores = text::unsigned_at(environment, "cores")) {
    cpu += fmt::format(", {} cores", *cores);
  }
  const auto memory = text::unsigned_at(environment, "memory_bytes");
  std::string out = fmt::format("- GPU: {}\n- OS: {}, kernel {}\n- CPU: {}\n- Memory: {}\n",
                                gpu_text(environment), known("os"), known("kernel"), cpu,
                                memory ? format_bytes(*memory) : "not on record");
  if (const object* coldload = text::object_at(environment, "coldload")) {
    const auto version = text::string_at(*coldload, "version");
    const auto commit = text::string_at(*coldload, "commit");
    out += fmt::format("- coldload: {}{}\n", markdown_text(version.value_or("version unknown")),
                       commit ? fmt::format(" ({})", markdown_text(*commit)) : "");
  }
  return out;
}

std::string shown_value(const object& storage, const char* key) {
  const text::json::value* value = storage.if_contains(key);
  if (value == nullptr || value->is_null()) return "";
  return markdown_text(value_text(*value));
}

// " on nvme0n1 (pcie) and sdb": the disks that a volume lies on.
std::string on_disks(const object& storage) {
  std::vector<std::string> names;
  for (const object* disk : text::objects_at(storage, "physical_devices")) {
    const std::string name = shown_value(*disk, "name");
    const std::string transport = shown_value(*disk, "transport");
    if (name.empty() || name == shown_value(storage, "device")) continue;
    names.push_back(transport.empty() ? name : fmt::format("{} ({})", name, transport));
  }
  return names.empty() ? "" : " on " + joined(names);
}

std::string device_of(const object& storage) {
  std::string device = shown_value(storage, "device");
  const std::string model = shown_value(storage, "device_model");
  if (!model.empty()) device += device.empty() ? model : " (" + model + ')';
  const std::string kind = shown_value(storage, "device_kind");
  if (!kind.empty()) device += ", " + kind + on_disks(storage);
  const text::json::value* rotational = storage.if_contains("rotational");
  if (rotational != nullptr && rotational->is_bool()) {
    device += rotational->get_bool() ? ", rotational" : ", not rotational";
  }
  const std::string scheduler = shown_value(storage, "scheduler");
  if (!scheduler.empty()) device += ", scheduler " + scheduler;
  return device;
}

std::string network_of(const object& storage) {
  const text::json::value* network = storage.if_contains("network");
  if (network == nullptr || !network->is_bool()) return "";
  const std::string reason = shown_value(storage, "network_reason");
  return (network->get_bool() ? "network" : "local") + (reason.empty() ? "" : ": " + reason);
}

std::string path_table(const Comparison& comparison) {
  Table table =
      table_of({"path", "directory", "file system", "mounted at", "from", "options", "device"},
               {"readahead"}, {"reached"});
  for (const Arm& arm : comparison.arms) {
    const object& storage = arm.facts.storage;
    const std::string readahead = shown_value(storage, "readahead_kb");
    std::string reached = network_of(storage);
    if (arm.facts.stand_in) {
      reached = "stand-in " + markdown_text(arm.facts.stand_in->spec) +
                (reached.empty() ? "" : " over: " + reached);
    }
    table.rows.push_back(
        {name_of(arm), arm.facts.path.empty() ? "to be given" : markdown_code(arm.facts.path),
         shown_value(storage, "fs_type"), shown_value(storage, "mount_point"),
         shown_value(storage, "mount_source"), shown_value(storage, "mount_options"),
         device_of(storage), readahead.empty() ? "" : readahead + " KiB", reached});
  }
  return markdown_table(table) + '\n';
}

// What was launched, with this trial's own path written as {model}.
std::string argv_text(const records::Trial& trial) {
  std::vector<std::string> words(trial.argv.begin(), trial.argv.end());
  for (std::string& word : words) {
    const std::size_t at = trial.path.empty() ? std::string::npos : word.find(trial.path);
    if (at != std::string::npos) word.replace(at, trial.path.size(), "{model}");
  }
  return text::shell_line(words);
}

// What the server was started with beside its argv.
std::string server_lines(const records::ExperimentFacts& facts) {
  std::string out;
  const std::vector<std::string> words = findings::pinned_flags_of(facts);
  if (!words.empty()) {
    out += fmt::format("- Added by coldload, so that every path is read in the same way: {}\n",
                       markdown_code(text::shell_line(words)));
  }
  if (const std::string mode = findings::compile_cache_of(facts); !mode.empty()) {
    out += fmt::format("- Runtime caches (`--compile-cache`): {}\n", markdown_code(mode));
  }
  std::vector<std::string> variables;
  const object server = findings::server_of(facts);
  if (const object* set = text::object_at(server, "environment")) {
    for (const auto& entry : *set) {
      // What not every command was given stands with those that were.
      if (!findings::is_of_every_command(entry.key(), entry.value(), facts)) continue;
      variables.push_back(
          fmt::format("{}={}", std::string(entry.key()), value_text(entry.value())));
    }
  }
  if (!variables.empty()) out += fmt::format("- Set for the server: {}\n", joined_code(variables));
  return out;
}

std::string target_lines(const Comparison& comparison) {
  const records::ExperimentFacts& facts = comparison.facts;
  const bool native = findings::is_native(facts);
  std::string out =
      fmt::format("- Target: {}\n", native ? "`native`, coldload's own loader; no server"
                                           : markdown_code(facts.target));
  const auto launched = std::find_if(comparison.trials.begin(), comparison.trials.end(),
                                     [](const auto* trial) { return !trial->argv.empty(); });
  if (launched != comparison.trials.end()) {
    const bool is_of_several = comparison.arms.front().facts.start.has_value();
    out += fmt::format("- Launched{}: {}\n",
                       is_of_several ? ", with one of the commands of \"Which way to start\"" : "",
                       markdown_code(argv_text(**launched)));
  }
  out += server_lines(facts);
  for (const records::Trial* trial : comparison.trials) {
    const auto version = trial->reported.version;
    if (!version) continue;
    out += fmt::format("- Version, as the target reported it: {}\n", markdown_text(*version));
    break;
  }
  out +=
      fmt::format("- Model: {}{}\n- max_model_len: {}\n",
                  comparison.model.empty() ? "not on record" : markdown_text(comparison.model),
                  comparison.checkpoint_bytes == 0 || !different_weights(comparison).empty()
                      ? ""
                      : fmt::format(", {} of weights", format_bytes(comparison.checkpoint_bytes)),
                  comparison.max_model_len ? fmt::format("{}", *comparison.max_model_len)
                                           : std::string("not set"));
  out +=
      fmt::format("- Cold policy: {}{}\n",
                  facts.cold_policy.empty() ? "not on record" : markdown_code(facts.cold_policy),
                  facts.drop_caches ? ", and all of the page cache dropped (`--drop-caches`)" : "");
  if (!comparison.note.empty()) {
    out += fmt::format("- Note: {}\n", markdown_text(comparison.note));
  }
  return out;
}

// The command that measures a placeholder later; empty where there is none on record.
std::string command_for(const Comparison& comparison, const Arm& placeholder) {
  const std::string assignment = placeholder.facts.label + "=";
  std::vector<std::string> words = comparison.facts.command;
  bool replaced = false;
  for (std::size_t index = 0; index < words.size() && words[index] != "--"; ++index) {
    const bool alone = index > 0 && words[index - 1] == "--path";
    const std::string begin = (alone ? "" : "--path=") + assignment;
    if (!words[index].starts_with(begin)) continue;
    words[index] = begin + "PATH_TO_THE_MODEL";
    replaced = true;
  }
  if (words.empty()) return "";
  if (replaced) return text::shell_line(words);
  // Paths that came from the environment.
  static const std::map<std::string, std::string> k_variables{{"net", "MODEL_PATH_NET"},
                                                              {"nvme", "MODEL_PATH_NVME"}};
  const auto variable = k_variables.find(placeholder.facts.label);
  if (variable == k_variables.end()) return "";
  return variable->second + "=PATH_TO_THE_MODEL " + text::shell_line(words);
}

}  // namespace

std::string setting_section(const Comparison& comparison) {
  const records::ExperimentFacts& facts = comparison.facts;
  std::string out = "## Setting\n\n" + machine_lines(facts.environment) + target_lines(comparison);
  out +=
      fmt::format("- {}: {}\n\n", comparison.experiments.size() == 1 ? "Experiment" : "Experiments",
                  joined_code(comparison.experiments));
  return out + path_table(comparison) + floor_table(comparison);
}

std::string repeat_section(const Comparison& comparison) {
  std::string lines;
  constexpr std::size_t k_most = 8;  // the latest
  const std::size_t count = comparison.commands.size();
  for (std::size_t i = count > k_most ? count - k_most : 0; i < count; ++i) {
    const records::Texts& command = comparison.commands[i];
    lines += text::one_line(text::shell_line({command.begin(), command.end()})) + '\n';
  }
  return lines.empty() ? "" : "## How to repeat it\n\n" + code_block(lines, "sh") + '\n';
}

std::string placeholder_section(const Comparison& comparison) {
  std::string out;
  for (const Arm& arm : comparison.arms) {
    if (!arm.facts.placeholder || arm.cold.load_s) continue;
    out +=
        fmt::format("{} has no path yet{}{}", name_of(arm), arm.facts.missing.empty() ? "." : ": ",
                    sentence(markdown_text(arm.facts.missing)));
    const std::string command = command_for(comparison, arm);
    out += command.empty() ? " Run the experiment again with its path; the new rows join these.\n\n"
                           : " When it is there, this measures it; the new rows join these:\n\n" +
                                 code_block(text::one_line(command) + '\n', "sh") + '\n';
  }
  return out.empty() ? "" : "## Still to be measured\n\n" + out;
}

}  // namespace coldload::report
