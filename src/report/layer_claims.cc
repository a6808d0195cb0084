#include "report/layer_claims.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include <fmt/format.h>

#include "findings/ways_to_start.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

using findings::LayersOfArm;
using findings::LayerStep;
using findings::StartGroup;
using records::Layer;

// What a step adds, as a noun; a layer between the two that was not measured is in it.
std::string added_by(const LayerStep& step) {
  std::vector<std::string> added;
  const auto add = [&](Layer layer, const char* what) {
    if (step.from < layer && layer <= step.to) added.emplace_back(what);
  };
  add(Layer::weights, "reading the weights");
  add(Layer::node, "reading the program");
  add(Layer::first, "filling the runtime caches");
  return joined(added);
}

// "+6.20 s for reading the weights"
std::string step_text(const LayerStep& step) {
  return fmt::format("{} for {}", signed_seconds(*step.contrast.difference_s), added_by(step));
}

bool is_told(const LayerStep& step) {
  return findings::is_told_apart(step.contrast) || step.contrast.claim == Claim::single_runs;
}

// What the layers above the warmest add; those that chance may have made, together.
std::string steps_text(const LayersOfArm& layers) {
  std::vector<std::string> told;
  std::vector<std::string> open;
  for (const LayerStep& step : layers.steps) {
    if (is_told(step)) {
      told.push_back(step_text(step));
    } else {
      open.push_back(added_by(step));
    }
  }
  std::string text = told.empty() ? "" : fmt::format(", {}", joined(told));
  text += '.';
  if (!open.empty()) {
    std::string words = joined(open);
    words.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(words.front())));
    text +=
        fmt::format(" {} add{} nothing that these runs show.", words, open.size() == 1 ? "s" : "");
  }
  return text;
}

// Whether more of it on storage made starts shorter, or the warmest start and what the layers add
// are more than the coldest start: it has no parts then.
bool do_not_add_up(const LayersOfArm& layers) {
  constexpr double k_rounding = 1.1;
  double sum = layers.layers.front().mode->load_s->median;
  for (const LayerStep& step : layers.steps) {
    if (step.contrast.claim == Claim::single_runs) return false;  // no claim is made
    if (!is_told(step)) continue;
    if (*step.contrast.difference_s < 0) return true;
    sum += *step.contrast.difference_s;
  }
  return sum > k_rounding * layers.layers.back().mode->load_s->median;
}

std::string coldest_start(const LayersOfArm& layers) {
  switch (layers.layers.back().layer) {
    case Layer::first:
      return "The first start on a new node";
    case Layer::node:
      return "A start with filled runtime caches and all else on storage";
    default:
      return "A start";
  }
}

const char* words_of(Layer layer) {
  switch (layer) {
    case Layer::warm:
      return "everything in memory";
    case Layer::weights:
      return "the weights on storage";
    case Layer::node:
      return "the weights, the program and filled runtime caches on storage";
    case Layer::first:
      return "the weights and the program on storage, the runtime caches empty";
  }
  return "";
}

std::string place_of(const StartGroup& group) {
  return fmt::format("{} ({}{})", markdown_code(group.mount), markdown_text(group.fs_type),
                     group.is_network ? ", a network mount" : "");
}

std::string words_of(const StartGroup& group) {
  const std::string files = group.files == 1 ? "one file" : fmt::format("{} files", group.files);
  if (group.group == "program") return fmt::format("the program ({})", files);
  if (group.group == "caches") return fmt::format("the runtime caches ({})", files);
  return fmt::format("other files ({})", group.files);
}

// A stand-in's path that lies below another mount is still a network's.
const StartGroup* network_program(const LayersOfArm& layers) {
  const auto found = std::find_if(layers.groups.begin(), layers.groups.end(), [](const auto& one) {
    return one.is_network && one.group == "program" && one.came_bytes.value_or(0) > 0;
  });
  return found == layers.groups.end() ? nullptr : &*found;
}

const LayerStep* step_to(const LayersOfArm& layers, Layer layer) {
  const auto found = std::find_if(layers.steps.begin(), layers.steps.end(),
                                  [layer](const auto& step) { return step.to == layer; });
  return found == layers.steps.end() ? nullptr : &*found;
}

std::string share_text(double seconds, double of) {
  return of > 0 ? fmt::format("{} of {}", in_seconds(seconds), in_seconds(of)) : "";
}

// The uses for which cold weights are quick enough, and the coldest start is not.
std::string budgets_missed(const Comparison& comparison, const LayersOfArm& layers) {
  const double coldest_s = layers.layers.back().mode->load_s->median;
  const Arm& arm = comparison.arms[layers.arm];
  std::vector<std::string> uses;
  for (const Budget& budget : findings::budgets_of(comparison)) {
    const bool fits_else = !arm.is_measured() || median_s(arm) <= budget.seconds;
    if (fits_else && coldest_s > budget.seconds) {
      uses.push_back(fmt::format("{} ({:g} s)", budget.use, budget.seconds));
    }
  }
  return uses.empty() ? "" : fmt::format(" That is more than the budget for {}.", joined(uses));
}

// Whether storage or the server makes the coldest start long, as far as that was told apart.
std::string storage_or_runtime(const LayersOfArm& layers, double whole) {
  const bool is_one_run =
      std::any_of(layers.steps.begin(), layers.steps.end(),
                  [](const auto& step) { return step.contrast.claim == Claim::single_runs; });
  if (is_one_run) return " One run of a layer cannot tell what it adds from chance.";
  const auto storage = layers.storage();
  if (!storage) return "";
  const double storage_s = *storage->difference_s;
  if (!findings::is_told_apart(*storage) || storage_s <= 0 || storage_s > whole) return "";
  return fmt::format(
      " Storage, with weights and program together, is {} of it, the server's own work {}.",
      in_seconds(storage_s), in_seconds(whole - storage_s));
}

Advice advice_on_program(const LayersOfArm& layers, const std::string& where, double added,
                         double whole) {
  const StartGroup* const network = network_program(layers);
  if (network != nullptr) {
    return {fmt::format("**Put the server's packages on a local disk or into the image:** reading "
                        "them takes {}{}.",
                        share_text(added, whole), where),
            fmt::format("They lie on {}.", place_of(*network))};
  }
  return {fmt::format("**Read the server's packages ahead:** reading them "
                      "takes {}{}.",
                      share_text(added, whole), where),
          "`coldload run --start-set FILE` learns what a start reads and reads it ahead in later "
          "starts."};
}

// The fewest of each that a rank test can tell apart at 5 %.
constexpr std::size_t k_enough_runs = 4;

// Whether a step that is not told may be much of the coldest start, and was tried less often than
// would tell it.
bool is_worth_more_runs(const LayersOfArm& layers, const LayerStep& step, double whole) {
  const double added = *step.contrast.difference_s;
  const bool are_few = layers.mode_of(step.from)->load_s->n < k_enough_runs ||
                       layers.mode_of(step.to)->load_s->n < k_enough_runs;
  return are_few && added > whole / 4 && added < whole;
}

// What to do if a layer is as large as it seems.
const char* if_it_holds(Layer layer) {
  switch (layer) {
    case Layer::first:
      return "ship filled runtime caches with the image";
    case Layer::node:
      return "bring the server's packages closer, or read them ahead";
    default:
      return "bring the weights closer, or read them ahead";
  }
}

// What measures the layers so often.
std::string flags_of(const LayersOfArm& layers) {
  std::vector<std::string> flags;
  for (const findings::MeasuredLayer& measured : layers.layers) {
    const std::string_view flag = measured.layer == Layer::warm      ? "--warm-runs"
                                  : measured.layer == Layer::weights ? "--runs"
                                  : measured.layer == Layer::node    ? "--node-runs"
                                                                     : "--first-runs";
    flags.push_back(fmt::format("{} {}", flag, k_enough_runs));
  }
  return fmt::format("{}", fmt::join(flags, " "));
}

Advice advice_on_path(const Comparison& comparison, const LayersOfArm& layers) {
  const LayerStep* const largest = layers.largest_step();
  const Mode& warmest = *layers.layers.front().mode;
  const double whole = layers.layers.back().mode->load_s->median;
  const double least = warmest.load_s->median;
  const std::string where = fmt::format(" on {}", name_of(comparison.arms[layers.arm]));
  const bool is_shown = largest != nullptr && findings::is_told_apart(largest->contrast);
  const bool is_warm_known = layers.layers.front().layer == Layer::warm;
  if (!is_shown && largest != nullptr && is_worth_more_runs(layers, *largest, whole)) {
    return {
        fmt::format("**Measure more of {}:** it took {}{}, in too few runs to rule out chance.",
                    added_by(*largest), share_text(*largest->contrast.difference_s, whole), where),
        fmt::format("{} runs of each layer can show it: `{}`. If it holds, {}.", k_enough_runs,
                    flags_of(layers), if_it_holds(largest->to))};
  }
  if (is_warm_known && (!is_shown || least > *largest->contrast.difference_s)) {
    if (least < whole / 2) return {};
    return {fmt::format("**Shorten the server's own start:** {}{} pass with everything in memory.",
                        share_text(least, whole), where),
            is_shown ? fmt::format("The largest layer of cold, {}, adds {}.", added_by(*largest),
                                   in_seconds(*largest->contrast.difference_s))
                     : "No layer of cold adds more than chance may."};
  }
  if (!is_shown) return {};
  const double added = *largest->contrast.difference_s;
  switch (largest->to) {
    case Layer::first:
      return {
          fmt::format("**Ship the runtime caches with the image:** filling them takes {}{}.",
                      share_text(added, whole), where),
          "Fill them once on a machine like those that serve, and copy them to where the server "
          "looks for them."};
    case Layer::node:
      return advice_on_program(layers, where, added, whole);
    case Layer::weights:
      return {fmt::format("**Bring the weights closer, or read them ahead:** reading them takes "
                          "{}{}.",
                          share_text(added, whole), where),
              "`coldload stage` copies them, `coldload run` reads them while the server starts."};
    case Layer::warm:
      break;
  }
  return {};
}

}  // namespace

std::string what_is_cold(Layer layer) { return words_of(layer); }

std::string answer_for_layers(const Comparison& comparison, const LayersOfArm& layers) {
  const findings::MeasuredLayer& coldest = layers.layers.back();
  const findings::MeasuredLayer& warmest = layers.layers.front();
  if (do_not_add_up(layers)) {
    return fmt::format(
        "**{} from {} takes {}** by the median. These runs scatter too much to tell its layers "
        "apart: starts with {} took {}.",
        coldest_start(layers), name_of(comparison.arms[layers.arm]),
        in_seconds(coldest.mode->load_s->median), words_of(warmest.layer),
        in_seconds(warmest.mode->load_s->median));
  }
  const std::string said = fmt::format(
      "**{} from {} takes {}:** {} with {}{}", coldest_start(layers),
      name_of(comparison.arms[layers.arm]), in_seconds(coldest.mode->load_s->median),
      in_seconds(warmest.mode->load_s->median), words_of(warmest.layer), steps_text(layers));
  return said + storage_or_runtime(layers, coldest.mode->load_s->median) +
         budgets_missed(comparison, layers);
}

Advice advice_for_layers(const Comparison& comparison) {
  std::vector<LayersOfArm> all = findings::layers_of(comparison);
  std::erase_if(all, [&comparison](const LayersOfArm& layers) {
    return !comparison.arms[layers.arm].is_plain();
  });
  const auto coldest = std::max_element(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.layers.back().mode->load_s->median < b.layers.back().mode->load_s->median;
  });
  return coldest == all.end() ? Advice() : advice_on_path(comparison, *coldest);
}

std::vector<std::string> about_start_set(const LayersOfArm& layers) {
  std::vector<std::string> sentences;
  if (layers.reads_past_memory) {
    sentences.emplace_back(
        "the weights were read from storage although they were in memory, past the page cache.");
  }
  const Mode* const first = layers.mode_of(Layer::first);
  // Records of before have `none` of small files, too.
  const bool reads_some = std::any_of(layers.groups.begin(), layers.groups.end(),
                                      [](const auto& group) { return group.group == "caches"; });
  const bool keeps_none =
      first != nullptr && !reads_some &&
      std::all_of(first->trials.begin(), first->trials.end(),
                  [](const auto* t) { return t->caches == records::Caches::none; });
  if (keeps_none) {
    sentences.emplace_back("nothing is kept in runtime caches, so a first start has none to fill.");
  }
  for (const StartGroup& group : layers.groups) {
    if (!group.came_bytes || *group.came_bytes <= 0) continue;
    sentences.push_back(fmt::format("{} of {} came from {}.",
                                    format_bytes(static_cast<std::uint64_t>(*group.came_bytes)),
                                    words_of(group), place_of(group)));
  }
  double held = 0;
  for (const StartGroup& group : layers.groups) held += group.held_bytes.value_or(0);
  if (held > 0) {
    sentences.push_back(
        fmt::format("{} could not be made cold, because other processes map it. A new node "
                    "reads that, too.",
                    format_bytes(static_cast<std::uint64_t>(held))));
  }
  const StartGroup* const network = network_program(layers);
  const LayerStep* const step = step_to(layers, Layer::node);
  if (network != nullptr && step != nullptr && is_told(*step)) {
    sentences.push_back(
        fmt::format("**the program lies on a network mount,** {}. Reading it "
                    "adds {}.",
                    markdown_code(network->mount), signed_seconds(*step->contrast.difference_s)));
  }
  return sentences;
}

}  // namespace coldload::report
