#include "herd/experiment.h"

#include <functional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "herd/message.h"
#include "herd/verdict.h"
#include "os/interrupt.h"
#include "records/redaction.h"

namespace coldload::herd {

namespace {

using measure::ExperimentResult;
using records::Record;
using records::Status;

class HerdSeries {
 public:
  HerdSeries(const measure::Plan& plan, const Patience& patience,
             const std::vector<HerdSlot>& slots, Ranks* ranks, NodeTrials* trials,
             Recorder* recorder)
      : plan_(plan),
        patience_(patience),
        slots_(slots),
        ranks_(*ranks),
        trials_(*trials),
        recorder_(recorder) {}

  // Of what was recorded until an interrupt, too.
  ExperimentResult run() {
    try {
      run_all();
    } catch (const OutOfStep&) {
      if (recorder_ == nullptr || !os::interrupted()) throw;
    }
    result_.logs = trials_.logs();
    result_.interrupted |= os::interrupted();
    return std::move(result_);
  }

 private:
  void run_all() {
    bool goes_on = true;
    for (std::uint64_t i = 0; i < plan_.warm_up_runs && goes_on; ++i) {
      RankStartLine line(&ranks_, patience_);
      const std::vector<NodeResult> told = exchange(trials_.warm_up(++position_, &line));
      if (recorder_ != nullptr) take_warm_up(told);
      goes_on = goes_on_together();
    }
    for (auto slot = slots_.begin(); slot != slots_.end() && goes_on; ++slot) {
      const std::vector<NodeResult> told = exchange(trial(*slot));
      if (recorder_ != nullptr) take(*slot, told);
      goes_on = goes_on_together();
    }
  }

  NodeResult trial(const HerdSlot& slot) {
    ++position_;
    RankStartLine line(&ranks_, patience_, slot.delay_of(ranks_.rank()));
    NodeResult prepared;
    if (recorder_ != nullptr && !recorder_->prepare_server.empty()) {
      prepared = trials_.prepare_server(recorder_->prepare_server);
    }
    // Nobody evicts or copies before the file server is as it should be.
    static_cast<void>(ranks_.tell("", patience_.before_launch));
    if (!prepared.problem.empty() || prepared.interrupted) {
      line.pass();
      return prepared;
    }
    return slot.place_of(ranks_.rank()) ? trials_.launch(position_, slot, &line)
                                        : trials_.idle(&line);
  }

  // What all ranks told, by rank; nothing, of all but the first.
  std::vector<NodeResult> exchange(const NodeResult& own) {
    std::vector<NodeResult> told;
    for (const std::string& message : ranks_.gather(to_message(own), patience_.whole())) {
      told.push_back(from_message<NodeResult>(message));
    }
    if (recorder_ == nullptr) return told;
    std::vector<std::string> left;
    for (std::size_t rank = 0; rank < told.size(); ++rank) {
      const std::string name = ranks_.name_of(static_cast<int>(rank));
      for (const std::string& text : told[rank].warnings) recorder_->warn(name + ": " + text);
      for (const std::string& text : told[rank].left_behind) left.push_back(name + ": " + text);
      result_.interrupted |= told[rank].interrupted;
    }
    if (!left.empty()) {
      result_.stopped_because = fmt::format(
          "a node has something left behind, so nothing may follow: {}; clear that "
          "and start again",
          fmt::join(left, "; "));
    }
    return told;
  }

  bool goes_on_together() {
    const bool may = result_.stopped_because.empty() && !result_.interrupted;
    return ranks_.tell(recorder_ != nullptr && may ? "on" : "", patience_.whole()) == "on";
  }

  void stop(const std::vector<std::string>& problems) {
    result_.failed = true;
    result_.stopped_because = fmt::format("{}", fmt::join(problems, "; "));
  }

  void complete(Record* record) {
    record->experiment = recorder_->facts;
    records::redact(plan_.secrets, record);
    record->model = recorder_->model;  // {rank} in a path gives each node's another name
    recorder_->results.append(*record);
    result_.records.push_back(*record);
    const Status status = record->status;
    result_.failed |= status == Status::failed || status == Status::timed_out;
    result_.not_cold |= status == Status::not_cold;
  }

  // It counts for nothing, unless it shows that the target does not even start.
  void take_warm_up(const std::vector<NodeResult>& told) {
    HerdSlot all{1, {}};
    for (int rank = 0; rank < ranks_.size(); ++rank) {
      all.nodes.push_back({static_cast<std::uint64_t>(rank), {rank}});
    }
    const HerdTrial trial = records_of(all, told, recorder_->hosts, names());
    if (!trial.problems.empty()) return stop(trial.problems);
    for (Record record : trial.records) {
      if (record.status == Status::ok || result_.interrupted) continue;
      const auto rank = static_cast<int>(record.herd->rank);
      record.storage_mode = record.arm;
      record.herd.reset();  // it was no herd's trial
      complete(&record);
      stop({fmt::format("{}: {}", ranks_.name_of(rank), record.reason)});
    }
  }

  void take(const HerdSlot& slot, const std::vector<NodeResult>& told) {
    if (result_.interrupted) return;
    HerdTrial trial = judge(slot, told, recorder_->hosts, names(), plan_.cold);
    if (!trial.problems.empty()) return stop(trial.problems);
    for (Record& record : trial.records) complete(&record);
    recorder_->trial_ended(position_ - plan_.warm_up_runs, slots_.size(), trial.records);
    if (result_.failed && !plan_.ignore_failure && result_.stopped_because.empty()) {
      result_.stopped_because = "a trial failed (--ignore-failure goes on)";
    }
  }

  [[nodiscard]] std::function<std::string(int)> names() const {
    return [this](int rank) { return ranks_.name_of(rank); };
  }

  const measure::Plan& plan_;
  const Patience& patience_;
  const std::vector<HerdSlot>& slots_;
  Ranks& ranks_;
  NodeTrials& trials_;
  Recorder* const recorder_;
  std::uint64_t position_ = 0;
  ExperimentResult result_;
};

}  // namespace

ExperimentResult run_experiment(const measure::Plan& plan, const Patience& patience,
                                const std::vector<HerdSlot>& slots, Ranks* ranks,
                                NodeTrials* trials, Recorder* recorder) {
  return HerdSeries(plan, patience, slots, ranks, trials, recorder).run();
}

}  // namespace coldload::herd
