#include "cli/earlier.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

#include "os/output_place.h"
#include "records/dataset.h"
#include "records/results.h"
#include "statistics/statistics.h"

namespace coldload::cli {

namespace {

// Whether `arms` hold the earlier arm's path, seen at the same pace.
bool is_among(const records::ArmFacts& earlier, const std::vector<measure::Arm>& arms) {
  const auto pace_of = [](const records::ArmFacts& facts) {
    return facts.stand_in ? facts.stand_in->spec : "";
  };
  return !earlier.path.empty() && std::any_of(arms.begin(), arms.end(), [&](const auto& arm) {
    return arm.facts.path == earlier.path && pace_of(arm.facts) == pace_of(earlier);
  });
}

bool is_one_of(const measure::Targets& targets, const std::string& name) {
  return std::any_of(targets.begin(), targets.end(),
                     [&name](const auto& target) { return target->name() == name; });
}

}  // namespace

std::string EarlierRecords::words(const std::string& out) const {
  if (records == 0) return "";
  return fmt::format(
      "{} holds {} of {}: the new ones join them, and the report is of all; another --out keeps "
      "them apart",
      out, records == 1 ? "one record" : fmt::format("{} records", records),
      experiments == 1 ? "an earlier experiment"
                       : fmt::format("{} earlier experiments", experiments));
}

EarlierRecords read_earlier(const std::string& out, const std::vector<measure::Arm>& arms,
                            const measure::Targets& targets) {
  EarlierRecords earlier;
  std::error_code error;
  if (!std::filesystem::is_directory(out, error)) return earlier;
  // What will be appended to, or refused.
  const os::OutputPlace place =
      os::output_place(os::output_directory(out), std::string(records::k_jsonl_name));
  const auto info = place.directory.look(place.name);
  if (!info || !S_ISREG(info->st_mode) || info->st_size == 0) return earlier;
  const records::Dataset dataset = records::read_dataset({place.directory.path_of(place.name)});
  earlier.records = dataset.trials().size();
  earlier.experiments = dataset.experiments().size();
  std::map<std::string, std::vector<double>> loads_s;
  const records::Experiment* experiment = nullptr;
  records::ExperimentFacts facts;  // of that, whose trials stand together
  for (const records::Trial& trial : dataset.trials()) {
    if (trial.experiment != experiment) {
      experiment = trial.experiment;
      facts = experiment->whole_facts();
    }
    if (trial.status != records::Status::ok || !trial.load_s) continue;
    for (const records::ArmFacts& arm : facts.arms) {
      if (arm.label != trial.arm || !is_among(arm, arms)) continue;
      if (!is_one_of(targets, arm.start ? arm.start->target : facts.target)) continue;
      loads_s[std::string(trial.storage_mode)].push_back(*trial.load_s);
    }
  }
  for (const auto& [mode, seconds] : loads_s) {
    earlier.forecast.knows_least(mode, statistics::median(seconds));
  }
  return earlier;
}

}  // namespace coldload::cli
