// What the first screen must not leave out: a path that is a stand-in, or not the device that its
// name says, and trials that are not verified cold.
#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "report/cache_writes.h"
#include "report/sections.h"
#include "report/wording.h"
#include "text/json.h"

namespace coldload::report {

namespace {

// A stand-in is no network: its time is what its rate was set to be.
std::string about_stand_in(const Comparison& comparison, std::size_t index) {
  const Arm& arm = comparison.arms[index];
  if (!is_stand_in(arm) || !arm.is_measured()) return "";
  std::string answer = fmt::format(
      "**{} is a stand-in, not a network:** a local directory at {} (bandwidth of all readers "
      "together, latency of each request).",
      name_of(arm), markdown_text(arm.facts.stand_in->spec));
  std::vector<double> loads_s;
  std::vector<double> ratios;
  for (const Expectation& expected : comparison.expectations) {
    if (expected.arm != index) continue;
    loads_s.push_back(expected.load_s);
    if (expected.ratio) ratios.push_back(*expected.ratio);
  }
  const auto load_s = statistics::summarize(loads_s);
  if (!load_s) return answer;
  const bool is_bound = !loads_only(comparison) && !comparison.expectations.front().rest_s;
  const char* const at_least = is_bound ? "at least " : "";
  const std::string low = in_seconds(load_s->min);
  answer += fmt::format(
      " At that rate {}{} were expected, and {} were measured", at_least,
      low == in_seconds(load_s->max) ? low : in_seconds({load_s->min, load_s->max}), time_of(arm));
  const Contrast* contrast = comparison.contrast_of_arm(index);
  const auto ratio = statistics::summarize(ratios);
  if (ratio && contrast != nullptr && contrast->ratio) {
    answer += fmt::format(". A ratio of {} was expected, and {} was measured",
                          range_text(in_times(ratio->min), in_times(ratio->max)),
                          in_times(*contrast->ratio));
  }
  return answer + '.';
}

// The same of a path that somebody else mounted: what that one delivers is not on record.
std::string about_mounted_stand_in(const Arm& arm) {
  const bool is_one = text::string_at(arm.facts.storage, "fs_type") == "fuse.coldload";
  if (!is_one || arm.facts.stand_in) return "";
  const std::string source = text::string_at(arm.facts.storage, "mount_source").value_or("");
  const std::size_t path = source.find(":/");
  return fmt::format(
      "**{} is a stand-in, not a network:** a local directory{}, by `coldload shape`.",
      name_of(arm),
      path == std::string::npos || path == 0 ? "" : " at " + markdown_text(source.substr(0, path)));
}

// A path called nvme need not lie on NVMe.
std::string about_name(const Arm& arm) {
  constexpr std::string_view k_nvme = "nvme";
  if (!arm.is_measured() || arm.facts.stand_in || !arm.facts.prefetch_of.empty() ||
      arm.facts.label.rfind(k_nvme, 0) != 0) {
    return "";
  }
  const auto device = text::string_at(arm.facts.storage, "device");
  if (!device || device->empty()) return "";
  std::vector<std::string> disks{*device};
  for (const text::json::object* disk : text::objects_at(arm.facts.storage, "physical_devices")) {
    disks.push_back(text::string_at(*disk, "name").value_or(""));
  }
  const bool is_nvme = std::any_of(disks.begin(), disks.end(), [&](const std::string& name) {
    return name.rfind(k_nvme, 0) == 0;
  });
  if (is_nvme) return "";
  const std::string why = text::string_at(arm.facts.storage, "network_reason").value_or("");
  return fmt::format("**{} is a name here, not an NVMe device:** {}", name_of(arm),
                     sentence(markdown_text(
                         why.find(*device) == std::string::npos ? "it lies on " + *device : why)));
}

// What an arm is that is no path.
std::string about_way(const Arm& arm) {
  if (!arm.facts.prefetch_of.empty()) {
    return fmt::format(
        "{} is {} started by `coldload run`, which reads the weights while the server starts.",
        name_of(arm), markdown_code(arm.facts.prefetch_of));
  }
  if (!arm.facts.staged_from.empty()) {
    return fmt::format("{} is a copy of {} made by `coldload stage`.", name_of(arm),
                       markdown_code(arm.facts.staged_from));
  }
  if (arm.is_other_command) {
    return fmt::format("{} is {} started with the command {}.", name_of(arm),
                       markdown_code(arm.facts.start->path_label),
                       markdown_code(arm.facts.start->name));
  }
  return "";
}

}  // namespace

std::string caveat_of_cold(const Comparison& comparison) {
  std::map<records::Cold, std::size_t> found;
  std::size_t usable = 0;
  for (const Arm& arm : comparison.arms) {
    for (const records::Trial* trial : arm.cold.trials) {
      ++usable;
      if (trial->cold != records::Cold::verified) ++found[trial->cold];
    }
  }
  std::vector<std::string> words;
  for (const auto& [cold, count] : found) {
    const char* meaning = cold == records::Cold::not_applicable ? "on storage that cannot be cold"
                          : cold == records::Cold::off          ? "with cold switched off"
                          : cold == records::Cold::not_cold     ? "not cold"
                                                                : "not known to be cold";
    words.push_back(fmt::format("{} {}", count, meaning));
  }
  if (words.empty()) return "";
  return fmt::format(
      "**Not all of these are verified cold loads:** of {} trials, {}. Do not read "
      "those as the cost of a cold start.",
      usable, joined(words));
}

std::vector<std::string> names_that_mislead(const Comparison& comparison) {
  std::vector<std::string> caveats;
  for (const Arm& arm : comparison.arms) {
    if (!arm.is_other_command) caveats.push_back(about_name(arm));
  }
  std::erase(caveats, "");
  return caveats;
}

std::vector<std::string> caveats_of(const Comparison& comparison, std::size_t arm) {
  // What is to be known of its path is said where the first command starts from it.
  if (comparison.arms[arm].is_other_command) return {about_way(comparison.arms[arm])};
  std::vector<std::string> caveats{
      about_stand_in(comparison, arm), about_mounted_stand_in(comparison.arms[arm]),
      about_name(comparison.arms[arm]), about_way(comparison.arms[arm])};
  for (std::string& words : cache_writes_text(comparison, comparison.arms[arm])) {
    caveats.push_back(std::move(words));
  }
  std::erase(caveats, "");
  return caveats;
}

}  // namespace coldload::report
