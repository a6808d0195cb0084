#include "cli/plan_text.h"

#include <fmt/format.h>

#include "cli/console.h"
#include "cli/plan_time.h"
#include "measure/arm_floor.h"
#include "measure/subject.h"
#include "measure/target.h"
#include "run/copy_source.h"
#include "stage/left_out.h"
#include "stage/source_tree.h"
#include "stand_in/stand_in.h"
#include "text/escape.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

std::string describe_arm(const measure::Arm& arm) {
  if (arm.facts.placeholder) {
    return shown::text("  {:<8} nothing yet: {}\n", arm.facts.label, arm.facts.missing);
  }
  std::string text = shown::text(
      "  {:<8} {}\n           {} in {} shards, {} files; {}{}\n", arm.facts.label, arm.facts.path,
      text::format_bytes(arm.weight_bytes()), arm.checkpoint->shards().size(),
      arm.checkpoint->files.size(),
      arm.storage.mount.fs_type.empty() ? "file system unknown" : arm.storage.mount.fs_type,
      arm.storage.device ? " on " + arm.storage.device->name : "");
  if (arm.facts.stand_in) {
    text += shown::text("           seen through a stand-in: {}\n", arm.facts.stand_in->spec);
  }
  // Of a stand-in it is known when it is mounted: pages of a directory in tmpfs are cold behind
  // one.
  if (!arm.cannot_warm.empty() && !arm.facts.stand_in) {
    text += shown::text("           no warm runs: {}\n", arm.cannot_warm);
  }
  for (const std::string& remark : arm.checkpoint->remarks) {
    text += shown::text("           note: {}\n", remark);
  }
  return text;
}

std::string describe_stage(const measure::StagedArmRequest& stage,
                           const std::vector<measure::Arm>& arms) {
  std::string text =
      shown::text("stage    {} to {}, anew before each cold run of it; {}\n", stage.source_label,
                  stage.destination, stage.keep ? "the last copy stays" : "removed in the end");
  for (const measure::Arm& arm : arms) {
    if (arm.facts.label != stage.source_label || !arm.checkpoint) continue;
    const run::CopySource source = run::copy_source(*arm.checkpoint);
    const stage::SourceTree tree = stage::scan_tree(source.directory, {source.selection, {}});
    const std::string left_out = stage::words_of(stage::left_out_of(tree));
    text += shown::text("           {} in {} files{}\n", text::format_bytes(tree.bytes()),
                        tree.files.size(), left_out.empty() ? "" : "; " + left_out);
  }
  return text;
}

std::string describe_eviction(const measure::Plan& plan) {
  if (plan.cold == measure::ColdPolicy::off) {
    return "evict    nothing (--cold off): whatever is in memory stays there\n";
  }
  std::string text = shown::text("evict    every checkpoint file above, before each cold run{}\n",
                                 plan.drop_caches ? "; then all of the machine's caches" : "");
  if (plan.has_deeper_layers()) {
    text +=
        "         before a run of a deeper layer all else that a start was seen to read, too: "
        "packages, libraries, runtime caches\n";
  }
  return text;
}

// All that an experiment touches beside what it measures.
std::string describe_footprint(const measure::Plan& plan, const std::vector<measure::Arm>& arms,
                               const measure::Targets& targets) {
  std::string text;
  const auto add = [&text](const std::string& kind, const std::string& what) {
    const std::string line = shown::text("{:<8} {}\n", kind, what);
    if (text.find(line) == std::string::npos) text += line;  // two servers may do the same
  };
  add("lock",
      "the directories of the checkpoints, so that nobody else measures them meanwhile; "
      "nothing in them is written");
  if (measure::wants_floor(plan)) add("start", "`coldload floor`, once for each path");
  for (const measure::Arm& arm : arms) {
    if (!arm.facts.stand_in || !stand_in::available().ok) continue;
    add("mount", fmt::format("{}: its stand-in, with a server of its own, in a new directory below "
                             "$XDG_RUNTIME_DIR or /tmp, gone in the end",
                             arm.facts.label));
  }
  if (!plan.prefetch.empty())
    add("start", "`coldload run` and `coldload read-ahead` for a prefetch");
  for (const auto& target : targets) {
    for (const auto& [kind, what] : target->footprint()) add(kind, what);
  }
  add("write",
      fmt::format("{0}/storage_layout_bench.csv, .jsonl, .md, .html and its pictures (.svg); "
                  "logs below {0}/logs",
                  plan.out_directory));
  return text;
}

// What is started, and how it is told.
std::string describe_start(const measure::Plan& plan, const measure::StartRequest& start,
                           const measure::Target& target, const std::vector<measure::Arm>& arms) {
  std::string text;
  if (!start.name.empty()) text += shown::text("command  {}\n", start.name);
  std::string_view margin = "server   ";
  for (const std::string& line : target.about()) {
    text += shown::text("{}{}\n", margin, line);
    margin = "         ";
  }
  for (const measure::Arm& arm : arms) {
    if (arm.facts.placeholder) continue;
    text += shown::text("run      {}\n",
                        text::shell_line(plan.secrets.redact_argv(target.planned_argv(arm.path))));
    break;
  }
  for (const auto& [name, hook] :
       {std::pair("setup", start.hooks.setup), std::pair("prepare", start.hooks.prepare),
        std::pair("cleanup", start.hooks.cleanup)}) {
    if (hook.empty()) continue;
    // As a shell reads it, so that short values are found too.
    text += shown::text("{:<8} {}\n", name, plan.secrets.redact_argv({"-c", hook})[1]);
  }
  return text;
}

}  // namespace

std::string describe_plan(const measure::Plan& plan, const std::vector<measure::Arm>& arms,
                          const measure::Targets& targets, const measure::Forecast& known) {
  std::string text = "paths\n";
  for (const measure::Arm& arm : arms) text += describe_arm(arm);
  if (plan.stage) text += describe_stage(*plan.stage, arms);
  for (const std::string& label : plan.prefetch) {
    text += shown::text("prefetch {}: {} again, its weights read beside the start\n",
                        measure::prefetch_label(label), label);
  }
  text += describe_eviction(plan);
  if (measure::wants_floor(plan)) {
    text +=
        shown::text("floor    what each path above can deliver, {} s each before the first run\n",
                    measure::k_arm_floor_s);
  }
  for (std::size_t i = 0; i < plan.starts.size(); ++i) {
    text += describe_start(plan, plan.starts[i], *targets[i], arms);
  }
  text += shown::text(
      "order    {}{}: {} cold and {} warm runs per path{}{}{}\n", measure::to_string(plan.order),
      plan.order == measure::Order::random ? shown::text(", seed {}", plan.seed) : "",
      plan.count.automatic ? shown::text("5 to {}", plan.count.runs)
                           : shown::text("{}", plan.count.runs),
      plan.warm_runs, plan.starts.size() > 1 ? " and command" : "",
      plan.has_deeper_layers() ? shown::text(", {} of the whole node and {} first starts",
                                             plan.node_runs, plan.first_runs)
                               : "",
      plan.warm_up_runs > 0 ? shown::text(", after {} discarded launches", plan.warm_up_runs) : "");
  text += describe_footprint(plan, arms, targets);
  text += shown::text("time     {}\n", time_of_plan(plan, arms, known));
  return plan.secrets.apply(text);
}

}  // namespace coldload::cli
