#include "cli/arm_flags.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/values.h"
#include "measure/subject.h"
#include "stand_in/stand_in.h"

namespace coldload::cli {

namespace {

std::string environment_value(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// MODEL_PATH_NVME and MODEL_PATH_NET, where no --path is given. The network mount may be still to
// come; the local path may not.
std::vector<measure::ArmRequest> arms_of_environment() {
  const std::string nvme = environment_value("MODEL_PATH_NVME");
  const std::string net = environment_value("MODEL_PATH_NET");
  if (nvme.empty()) {
    throw UsageError(
        "nothing to compare: give --path LABEL=PATH twice, or set MODEL_PATH_NVME and "
        "MODEL_PATH_NET");
  }
  measure::ArmRequest net_arm{"net", net, "", {}};
  if (net.empty()) {
    net_arm.missing = "MODEL_PATH_NET is not set";
  } else if (std::error_code error; !std::filesystem::exists(net, error)) {
    net_arm.missing = fmt::format("MODEL_PATH_NET names {}, which is not there", net);
  }
  return {{"nvme", nvme, "", {}}, net_arm};
}

std::vector<measure::ArmRequest> arms_of_flags(const std::vector<std::string>& paths) {
  std::vector<measure::ArmRequest> arms;
  for (const std::string& text : paths) {
    auto [label, path] = split_label("--path", text);
    measure::ArmRequest arm{label, path, "", {}};
    if (path.empty()) arm.missing = fmt::format("--path {}= names no path yet", label);
    arms.push_back(std::move(arm));
  }
  return arms;
}

void check_arms(const std::vector<measure::ArmRequest>& arms) {
  std::set<std::string> labels;
  bool present = false;
  for (const measure::ArmRequest& arm : arms) {
    check_label(arm.label);
    if (!labels.insert(arm.label).second) {
      throw UsageError(fmt::format("two paths have the label '{}'", arm.label));
    }
    present = present || arm.missing.empty();
  }
  if (!present) throw UsageError("every path is a placeholder: there is nothing to measure");
}

void add_stand_ins(const std::vector<std::string>& flags, std::vector<measure::ArmRequest>* arms) {
  for (const std::string& flag : flags) {
    const auto [label, spec] = split_label("--stand-in", flag);
    const auto arm = std::find_if(arms->begin(), arms->end(),
                                  [wanted = label](const auto& a) { return a.label == wanted; });
    if (arm == arms->end()) {
      throw UsageError(fmt::format("--stand-in {}: no --path has the label '{}'", flag, label));
    }
    const stand_in::Pace pace = as_usage([text = spec] { return stand_in::parse_pace(text); },
                                         fmt::format("--stand-in {}: ", flag));
    // A report says the figures, too: a name alone would read as the thing itself.
    arm->stand_in = measure::StandInRequest{
        pace.preset.empty() ? spec : fmt::format("{}, a model: {}", spec, stand_in::spec_of(pace)),
        pace};
  }
}

bool has_arm(const measure::Plan& plan, std::string_view label) {
  return std::any_of(plan.arms.begin(), plan.arms.end(),
                     [label](const auto& arm) { return arm.label == label; });
}

// LABEL:PATH, as scp and docker write it.
void add_stage(const ArmFlags& raw, measure::Plan* plan) {
  if (raw.stage.empty()) {
    if (raw.keep_staged) throw UsageError("--keep-staged needs --stage");
    return;
  }
  const std::size_t colon = raw.stage.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == raw.stage.size()) {
    throw UsageError(
        fmt::format("--stage {}: expected LABEL:PATH, as in net:/mnt/nvme/M", raw.stage));
  }
  measure::StagedArmRequest stage{raw.stage.substr(0, colon), raw.stage.substr(colon + 1),
                                  raw.keep_staged};
  if (!has_arm(*plan, stage.source_label)) {
    throw UsageError(
        fmt::format("--stage {}: no --path has the label '{}'", raw.stage, stage.source_label));
  }
  if (has_arm(*plan, measure::k_staged_label)) {
    throw UsageError("--stage: a --path has the label 'staged', which is the copy's own");
  }
  plan->stage = std::move(stage);
}

void add_prefetch(const ArmFlags& raw, measure::Plan* plan) {
  for (const std::string& label : raw.prefetch) {
    if (!has_arm(*plan, label)) {
      throw UsageError(fmt::format("--prefetch {}: no path has that label", label));
    }
    if (std::find(plan->prefetch.begin(), plan->prefetch.end(), label) == plan->prefetch.end()) {
      plan->prefetch.push_back(label);
    }
  }
}

void add_stage_flags(CLI::App* app, ArmFlags* flags) {
  app->add_option("--stage", flags->stage,
                  "measure one more: a copy of that path's checkpoint, made at DIR first")
      ->option_text("NAME:DIR");
  app->add_flag("--keep-staged", flags->keep_staged, "leave the last copy where --stage made it");
}

void add_prefetch_flag(CLI::App* app, ArmFlags* flags) {
  app->add_option(
         "--prefetch", flags->prefetch,
         "measure one more: that path's servers started by `coldload run`, which reads the "
         "weights beside them")
      ->type_name("NAME")
      ->allow_extra_args(false);
}

}  // namespace

void check_label(const std::string& label) {
  constexpr std::size_t k_longest = 64;
  const bool plain = std::all_of(label.begin(), label.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
  if (!plain || label.empty() || label.size() > k_longest ||
      std::isalnum(static_cast<unsigned char>(label[0])) == 0) {
    throw UsageError(fmt::format(
        "the label '{}' cannot be a storage_mode: use up to {} letters, digits, '_', '-' and '.'",
        label, k_longest));
  }
  const std::string_view suffix = measure::own_suffix_of(label);
  if (!suffix.empty() && !measure::is_of_deeper_layer(suffix)) {
    throw UsageError(
        fmt::format("the label '{}' ends in {}, which coldload's own rows use", label, suffix));
  }
}

std::pair<std::string, std::string> split_label(const std::string& flag, const std::string& text,
                                                const char* expected) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageError(fmt::format("{} {}: expected {}", flag, text, expected));
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

void add_arm_flags(CLI::App* app, ExperimentCommand command, ArmFlags* flags) {
  if (command == ExperimentCommand::measure) {
    app->add_option("PATH", flags->measured_path, "the checkpoint")->required();
    app->add_option("--label", flags->label, "the path's name in results")
        ->type_name("NAME")
        ->capture_default_str();
  } else {
    app->add_option("--path", flags->paths,
                    "a path and its name in results; NAME= is a placeholder for one to come")
        ->type_name("NAME=DIR")
        ->allow_extra_args(false);
    add_stage_flags(app, flags);
  }
  app->add_option(
         "--stand-in", flags->stand_ins,
         "show that path at a network's pace, as net=250MB/s,1ms, or a preset's: net=efs-elastic")
      ->type_name("NAME=RATE")
      ->allow_extra_args(false);
  add_prefetch_flag(app, flags);
  add_weights(app, &flags->weights);
  app->add_option("--also", flags->also,
                  "a file or folder that the server loads, too: a projector, a draft model")
      ->check(CLI::ExistingPath)
      ->type_name("PATH")
      ->allow_extra_args(false);
}

void add_herd_path_flags(CLI::App* app, ArmFlags* flags) {
  app->add_option_function<std::string>(
         "--path", [flags](const std::string& path) { flags->paths = {path}; },
         "the path that all nodes start from, and its name in results; {rank}, {local_rank} (its "
         "number on its host) and {host} are replaced in it, in --env and in the command")
      ->type_name("NAME=DIR")
      ->required();
  add_stage_flags(app, flags);
  add_prefetch_flag(app, flags);
  add_weights(app, &flags->weights);
}

void set_arms(ExperimentCommand command, const ArmFlags& flags, std::size_t commands,
              measure::Plan* plan) {
  if (command == ExperimentCommand::measure) {
    plan->arms = {{flags.label, flags.measured_path, "", {}, {}, {}}};
  } else {
    plan->arms = flags.paths.empty() ? arms_of_environment() : arms_of_flags(flags.paths);
    const bool comparing = command == ExperimentCommand::compare;
    if (comparing && plan->arms.size() < 2 && commands < 2) {
      throw UsageError(
          "compare needs two paths or more, or two of --command; for one path and one command "
          "there "
          "is `coldload measure PATH`");
    }
  }
  check_arms(plan->arms);
  for (measure::ArmRequest& arm : plan->arms) {
    arm.weights = flags.weights;
    arm.also = flags.also;
  }
  add_stand_ins(flags.stand_ins, &plan->arms);
  add_stage(flags, plan);
  add_prefetch(flags, plan);
}

}  // namespace coldload::cli
