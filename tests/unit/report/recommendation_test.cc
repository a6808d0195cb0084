#include "report/recommendation.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <vector>

#include <gmock/gmock.h>

#include "findings/compare.h"
#include "os/file.h"
#include "os/subprocess.h"
#include "report/node_bootstrap.h"
#include "unit/records/records.h"
#include "unit/temporary_directory.h"

namespace coldload::report {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// An experiment on a server, told in medians.
class Experiment {
 public:
  Experiment() : facts_(experiment({arm("nvme"), arm("net")})) {
    facts_.target = "vllm";
    facts_.command = {"coldload", "compare", "--",     "vllm",   "serve",
                      "{model}",  "--port",  "{port}", "--note", "it's here"};
  }

  Experiment& runs(const std::string& label, const std::vector<double>& seconds) {
    for (const double each : seconds) add(label, label, records::Cold::verified, each);
    return *this;
  }
  Experiment& cold(const std::string& label, double seconds) {
    for (int i = -2; i <= 2; ++i) add(label, label, records::Cold::verified, seconds + 0.01 * i);
    return *this;
  }
  Experiment& warm(const std::string& label, double seconds) {
    for (int i = -1; i <= 1; ++i) {
      add(label, label + "_warm", records::Cold::warm, seconds + 0.01 * i);
    }
    return *this;
  }
  Experiment& prefetch(const std::string& label, double seconds) {
    records::ArmFacts twin = arm(label + "_prefetch");
    twin.prefetch_of = label;
    facts_.arms.push_back(twin);
    return cold(twin.label, seconds);
  }
  Experiment& not_read_ahead(const std::string& label, const char* why) {
    for (records::Record& record : records_) {
      if (record.arm == label) record.reported[records::k_not_read_ahead_key] = why;
    }
    return *this;
  }
  Experiment& of_unknown_size() {
    size_known_ = false;
    return *this;
  }
  Experiment& on_device(const std::string& label, const char* device) {
    for (records::ArmFacts& one : facts_.arms) {
      if (one.label == label) one.storage["device"] = device;
    }
    return *this;
  }
  Experiment& path(const std::string& label) {
    facts_.arms.push_back(arm(label));
    return *this;
  }
  Experiment& command(std::vector<std::string> words) {
    facts_.command = std::move(words);
    return *this;
  }
  Experiment& pinned(const char* flag) {
    facts_.environment["server"] = text::json::object{{"pinned_flags", {flag}}};
    return *this;
  }
  Experiment& staged(double copy_s, double first_s, double later_s) {
    records::ArmFacts copy = arm("staged");
    copy.staged_from = "net";
    copy.path = "/mnt/nvme/a copy";
    facts_.arms.push_back(copy);
    for (int i = -2; i <= 2; ++i) {
      add("staged", "staged_after_copy", records::Cold::off, first_s + 0.01 * i, copy_s);
      add("staged", "staged", records::Cold::verified, later_s + 0.01 * i, copy_s);
    }
    return *this;
  }
  Experiment& hot(double seconds) {
    for (int i = -1; i <= 1; ++i) {
      add("staged", "staged_hot", records::Cold::warm, seconds + 0.01 * i);
    }
    return *this;
  }
  [[nodiscard]] records::Dataset dataset() const {
    std::vector<records::Record> records = records_;
    for (std::size_t i = 0; i < records.size(); ++i) {
      records[i].run_id = i + 1;
      records[i].experiment = facts_;
    }
    return records::dataset_of(std::move(records));
  }

 private:
  void add(const std::string& label, const std::string& mode, records::Cold cold, double seconds,
           std::optional<double> copy_s = std::nullopt) {
    records::Record record = cold_trial(facts_, label, seconds);
    record.storage_mode = mode;
    record.cold = cold;
    if (cold == records::Cold::warm) record.storage_bytes_read = 0;
    record.copy_s = copy_s;
    if (!size_known_) record.checkpoint_bytes = 0;
    records_.push_back(std::move(record));
  }

  records::ExperimentFacts facts_;
  std::vector<records::Record> records_;
  bool size_known_ = true;
};

std::string told(const Experiment& experiment) {
  const records::Dataset dataset = experiment.dataset();
  return recommendation_note(findings::compare(dataset).front());
}

std::string script_of(const Experiment& experiment) {
  const records::Dataset dataset = experiment.dataset();
  return node_bootstrap_of(findings::compare(dataset).front());
}

// Two opposite data sets: no sentence of one may stand in the other.
TEST(Recommendation, WhereStorageIsTheTroubleItIsStagedAndKeptInMemory) {
  const std::string text = told(Experiment()
                                    .cold("nvme", 13)
                                    .warm("nvme", 9)
                                    .cold("net", 50)
                                    .warm("net", 9)
                                    .staged(24, 13, 13));
  EXPECT_THAT(text, HasSubstr("**Put models for user-facing endpoints (20 s) on `nvme`:** its "
                              "slowest start took 13.0 s, that from `net` 50.0 s"));
  EXPECT_THAT(text,
              HasSubstr("**Stage on nodes that start at all:** each start from the copy takes "
                        "13.0 s, from `net` 50.0 s. The copy costs 24.0 s once."));
  EXPECT_THAT(text, HasSubstr("a restart on `net` takes 9.00 s (3 runs) instead of 50.0 s"));
  EXPECT_THAT(text, HasSubstr("coldload stage --wait"));
  EXPECT_THAT(text, Not(HasSubstr("Do not stage")));
}

TEST(Recommendation, WhereStorageIsNotTheTroubleTheRestIs) {
  const std::string text = told(Experiment()
                                    .cold("nvme", 100)
                                    .warm("nvme", 99)
                                    .cold("net", 100.005)
                                    .warm("net", 99)
                                    .staged(24, 100, 100.3));
  EXPECT_THAT(text, HasSubstr("**Choose between `nvme` and `net` by price and operation"));
  EXPECT_THAT(text, HasSubstr("**Do not stage:**"));
  EXPECT_THAT(text, HasSubstr("work on the server's start, not on storage:** 99.0 s of 100 s"));
  EXPECT_THAT(text, Not(HasSubstr("Leave memory for the page cache")));
  EXPECT_THAT(text, Not(HasSubstr("coldload stage --wait")));
}

TEST(Recommendation, ReadingAheadIsAdvisedWhereItIsShownToSave) {
  const std::string saves = told(Experiment().cold("nvme", 40).cold("net", 30).prefetch("net", 20));
  EXPECT_THAT(saves, HasSubstr("**Start servers on `net` with `coldload run`:** ready after 20.0 s "
                               "instead of 30.0 s"));
  EXPECT_THAT(saves, HasSubstr("exec coldload run \"$model\" -- vllm serve \"$model\""));
  const std::string does_not =
      told(Experiment().cold("nvme", 40).cold("net", 30).prefetch("net", 30.001));
  EXPECT_THAT(does_not, Not(HasSubstr("coldload run")));
}

TEST(Recommendation, TooFewRunsAreNoReasonToCallPathsEqual) {
  const std::string single = told(Experiment().runs("nvme", {10}).runs("net", {100}));
  EXPECT_THAT(single, HasSubstr("**Measure more before choosing between `nvme` and `net`:**"));
  EXPECT_THAT(
      single,
      HasSubstr("`nvme` and `net` are not told apart: 10.0 s (one run) and 100 s (one run)"));
  const std::string wide =
      told(Experiment().runs("nvme", {10, 10, 14, 19, 20}).runs("net", {10, 11, 15, 18, 22}));
  EXPECT_THAT(wide, HasSubstr("**Measure more before choosing"));
  const std::string level = told(Experiment()
                                     .runs("nvme", {10, 10.1, 10.2, 10.3, 10.4})
                                     .runs("net", {10.05, 10.15, 10.25, 10.35, 10.3}));
  EXPECT_THAT(level, HasSubstr("**Choose between `nvme` and `net` by price"));
}

TEST(Recommendation, WhatNoStorageCanReachIsSaid) {
  const std::string text =
      told(Experiment().cold("nvme", 70).warm("nvme", 50).cold("net", 90).warm("net", 52));
  EXPECT_THAT(text,
              HasSubstr("**Keep servers running for user-facing endpoints (20 s):** no storage "
                        "is fast enough, because the fastest start of all took 50.0 s."));
  const std::string faster_cold =
      told(Experiment().cold("nvme", 70).warm("nvme", 75).cold("net", 90).warm("net", 76));
  EXPECT_THAT(faster_cold, HasSubstr("the fastest start of all took 70.0 s."));
  EXPECT_THAT(text, HasSubstr("**No path as it is fits internal services (60 s):**"));
}

TEST(Recommendation, SaysHowManyCoresAStartKeepsBusy) {
  records::ExperimentFacts facts = experiment({arm("nvme")});
  facts.target = "vllm";
  facts.command = {"coldload", "measure", "--", "vllm", "serve", "{model}"};
  facts.environment["cores"] = 16;
  std::vector<records::Record> records;
  for (int i = 0; i < 5; ++i) {
    records.push_back(cold_trial(facts, "nvme", 60 + 0.01 * i));
    records.back().phases = {{"start", 0, 50, "log"}, {"weights", 50, 55, "log"}};
    std::vector<records::TimelineSample> samples(61);
    for (std::size_t s = 0; s < samples.size(); ++s) {
      samples[s].t_s = static_cast<double>(s);
      samples[s].cpu_s = 1.25 * samples[s].t_s;
    }
    records.back().timeline = records::to_json(samples);
  }
  records.push_back(warm_trial(facts, "nvme", 56));
  records.back().phases = {{"start", 0, 50, "log"}, {"weights", 50, 51, "log"}};
  for (std::size_t i = 0; i < records.size(); ++i) records[i].run_id = i + 1;
  const records::Dataset dataset = records::dataset_of(std::move(records));
  EXPECT_THAT(recommendation_note(findings::compare(dataset).at(0)),
              HasSubstr("start 50.0 s (1.2 of 16 cores busy on average)"));
}

TEST(Recommendation, ACopyIsHeldAgainstTheBestWayWithoutOne) {
  const std::string pays =
      told(Experiment().cold("nvme", 13).cold("net", 60).prefetch("net", 20).staged(24, 13, 13));
  EXPECT_THAT(pays, HasSubstr("**Stage, too, on nodes that start 4 times or more:**"));
  const std::string does_not =
      told(Experiment().cold("nvme", 13).cold("net", 60).prefetch("net", 12).staged(24, 13, 13));
  EXPECT_THAT(does_not, HasSubstr("**Do not stage:** a start from the copy takes 13.0 s, with "
                                  "`coldload run` from `net` 12.0 s"));
  EXPECT_THAT(does_not, HasSubstr("exec vllm serve"));
  const std::string open =
      told(Experiment().cold("nvme", 13).cold("net", 60).prefetch("net", 20).staged(24, 20, 19.99));
  EXPECT_THAT(open, HasSubstr("**Whether a copy is faster still is open:**"));
  EXPECT_THAT(open, HasSubstr("With `--stage` it leaves a copy, from which starts may be faster"));
  EXPECT_THAT(open, HasSubstr("exec coldload run --stage"));
}

// What decides is the slowest run, so that is what the sentence says.
TEST(Recommendation, ABudgetIsHeldAgainstTheSlowestStart) {
  const std::string text = told(Experiment()
                                    .runs("nvme", {10, 10.1, 10.2, 10.3, 10.4})
                                    .runs("net", {18, 18.1, 18.2, 18.3, 21}));
  EXPECT_THAT(text, HasSubstr("that from `net` 21.0 s."));
  const std::string none = told(Experiment()
                                    .runs("nvme", {15, 15.1, 15.2, 15.3, 21})
                                    .runs("net", {30, 30.1, 30.2, 30.3, 30.4}));
  EXPECT_THAT(none, HasSubstr("**No path as it is fits user-facing endpoints (20 s):** "
                              "the slowest starts took 21.0 s from `nvme` and 30.4 s from `net`"));
}

// Two runs and three that are merely apart are so by chance once in five times.
TEST(Recommendation, FewRunsMustLieFurtherApartThanTheyScatter) {
  const std::string far = told(Experiment().runs("nvme", {46, 50}).runs("net", {70, 72, 75}));
  EXPECT_THAT(far, Not(HasSubstr("Measure more before choosing")));
  const std::string near = told(Experiment().runs("nvme", {56, 59}).runs("net", {61, 62, 69.5}));
  EXPECT_THAT(near, HasSubstr("**Measure more before choosing between `nvme` and `net`:**"));
}

TEST(Recommendation, StagingIsAdvisedOnlyWhereItIsShownToSave) {
  const std::string text =
      told(Experiment().cold("nvme", 13).runs("net", {12, 13, 13.1, 14, 30}).staged(1, 12.5, 12.9));
  EXPECT_THAT(text, HasSubstr("**Whether to stage is open:**"));
  EXPECT_THAT(text, Not(HasSubstr("coldload stage --wait")));
}

TEST(Recommendation, WhatWasStartedStraightAfterACopyCountsAsAStartToo) {
  const std::string text = told(Experiment()
                                    .cold("nvme", 70)
                                    .warm("nvme", 50)
                                    .cold("net", 90)
                                    .warm("net", 52)
                                    .staged(24, 15, 70));
  EXPECT_THAT(text, Not(HasSubstr("no storage is fast enough")));
}

TEST(Recommendation, ReadingAheadThatDidNotHappenIsNotAdvised) {
  Experiment experiment = Experiment().cold("nvme", 40).cold("net", 30).prefetch("net", 20);
  EXPECT_THAT(told(experiment), HasSubstr("Start servers on `net` with `coldload run`"));
  experiment.not_read_ahead("net_prefetch", "no memory is free");
  EXPECT_THAT(told(experiment), Not(HasSubstr("coldload run")));
}

// The script starts from the path that the bullet names, not from that of the shortest median.
TEST(Recommendation, TheScriptServesFromThePathThatIsAdvised) {
  const std::string text = told(
      Experiment().cold("nvme", 102).runs("net", {20, 21, 22, 23, 70}).path("c").cold("c", 57));
  EXPECT_THAT(text, HasSubstr("**Put models for internal services (60 s) on `c`:**"));
  EXPECT_THAT(text, HasSubstr("model=/mnt/c/Llama-3.1-8B"));
}

TEST(Recommendation, ALabelCannotLeaveItsCode) {
  const std::string text = told(
      Experiment().cold("nvme", 10).cold("a` [click](http://evil.example) `", 90).warm("nvme", 9));
  EXPECT_THAT(text, Not(HasSubstr("[click](")));
}

TEST(Recommendation, UnknownSizesAreNotSaid) {
  const std::string text =
      told(Experiment().of_unknown_size().cold("nvme", 10).warm("nvme", 2).cold("net", 12));
  EXPECT_THAT(text, HasSubstr("with the weights in it"));
  EXPECT_THAT(text, Not(HasSubstr("0 B")));
}

TEST(Recommendation, TakesAwayThreeSentencesAtMost) {
  const records::Dataset dataset =
      Experiment().cold("nvme", 13).warm("nvme", 9).cold("net", 60).warm("net", 9).dataset();
  EXPECT_THAT(take_aways_of(findings::compare(dataset).front()),
              ElementsAre(HasSubstr("`net` takes 4.62 times as long as `nvme`"),
                          HasSubstr("51.0 s are storage; 9.00 s would be left"),
                          HasSubstr("work on the server's start")));
}

TEST(Recommendation, SaysNothingOfWhatWasNotMeasured) {
  const records::Dataset nothing = Experiment().warm("nvme", 9).dataset();
  EXPECT_THAT(recommendations_of(findings::compare(nothing).front()), IsEmpty());
  Notes notes;
  EXPECT_THAT(recommendation_section(findings::compare(nothing).front(), &notes), IsEmpty());
  EXPECT_THAT(recommendations_of(findings::compare(Experiment().cold("nvme", 9).dataset()).front()),
              SizeIs(0));
}

TEST(NodeBootstrap, IsAScriptThatAShellAccepts) {
  const TemporaryDirectory folder("coldload-bootstrap");
  for (const Experiment& example :
       {Experiment().cold("nvme", 13).cold("net", 60).staged(24, 13, 13),
        Experiment().cold("nvme", 40).cold("net", 30).prefetch("net", 20),
        Experiment().cold("nvme", 13).cold("net", 60).prefetch("net", 20).staged(24, 13, 13),
        Experiment().cold("nvme", 40).cold("net", 30)}) {
    const std::string script = script_of(example);
    EXPECT_THAT(script, AllOf(HasSubstr("#!/usr/bin/env bash"), HasSubstr("\"${PORT:-8000}\"")));
    const std::string path = folder.path() + "/start.sh";
    std::ofstream(path) << script;
    EXPECT_TRUE(os::run_shell("bash -n '" + path + "'", {}).success()) << script;
    EXPECT_THAT(script, HasSubstr("'it'\\''s here'"));
  }
}

TEST(NodeBootstrap, ReadsAheadAndLeavesACopyWhereBothPay) {
  const std::string text =
      told(Experiment().cold("nvme", 13).cold("net", 60).prefetch("net", 20).staged(24, 13, 13));
  EXPECT_THAT(text, HasSubstr("exec coldload run --stage \"$copy\" \"$model\" -- vllm serve "
                              "{model} --port"));
  EXPECT_THAT(text, HasSubstr("ready after 20.0 s instead of 60.0 s"));
  EXPECT_THAT(text, HasSubstr("With `--stage` it leaves the copy for later starts"));
}

TEST(NodeBootstrap, StartsTheServerThatWasMeasured) {
  const std::string script =
      script_of(Experiment()
                    .cold("nvme", 13)
                    .cold("net", 60)
                    .pinned("--safetensors-load-strategy=lazy")
                    .command({"coldload", "compare", "--env", "A=b c", "--env=PYTHONPATH=/opt",
                              "--", "vllm", "{model}", "--x={a,b}", "--api-key", "[redacted]"}));
  EXPECT_THAT(script, HasSubstr("export 'A=b c'\nexport PYTHONPATH=/opt\n"));
  EXPECT_THAT(script, HasSubstr("exec vllm \"$model\" '--x={a,b}' --api-key '[redacted]' "
                                "--safetensors-load-strategy=lazy\n"));
  EXPECT_THAT(script, HasSubstr("# Credentials are left out of records: put yours"));
}

TEST(NodeBootstrap, ReadsTheCopyAheadWhereMemoryIsShownToBeFaster) {
  const Experiment copied = Experiment().cold("nvme", 13).cold("net", 60).staged(24, 13, 13);
  EXPECT_THAT(script_of(Experiment(copied).hot(9)),
              HasSubstr("exec coldload run \"$copy\" -- vllm serve {model}"));
  EXPECT_THAT(script_of(Experiment(copied).hot(20)), Not(HasSubstr("coldload run")));
}

// Runs the script with stand-ins for the programs it calls; what they were called with, in order.
std::string calls_of(const std::string& script, const std::string& argument) {
  const TemporaryDirectory folder("coldload-bootstrap");
  const std::string called = folder.path() + "/called";
  std::ofstream(called).close();
  for (const char* program : {"coldload", "vllm", "mountpoint"}) {
    const std::string path = folder.path() + "/" + program;
    std::ofstream(path) << "#!/bin/sh\necho \"${0##*/} $*\" >> '" << called << "'\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
  std::ofstream(folder.path() + "/start.sh") << script;
  const std::string line =
      "PATH='" + folder.path() + "':$PATH bash '" + folder.path() + "/start.sh' " + argument;
  EXPECT_TRUE(os::run_shell(line, {}).success()) << script;
  return os::read_text(called);
}

TEST(NodeBootstrap, CopiesAndWarmsAtBootAndServesTheCopy) {
  const std::string script =
      script_of(Experiment()
                    .cold("nvme", 13)
                    .cold("net", 60)
                    .staged(24, 13, 13)
                    .hot(9)
                    .command({"coldload", "compare", "--", "vllm", "{model}"}));
  EXPECT_EQ(calls_of(script, "boot"),
            "mountpoint --quiet /mnt/staged\n"
            "coldload stage --wait /mnt/net/Llama-3.1-8B /mnt/nvme/a copy\n"
            "coldload cache warm /mnt/nvme/a copy\n");
  EXPECT_EQ(calls_of(script, ""),
            "mountpoint --quiet /mnt/staged\n"
            "coldload stage --wait /mnt/net/Llama-3.1-8B /mnt/nvme/a copy\n"
            "coldload run /mnt/nvme/a copy -- vllm {model}\n");
}

TEST(NodeBootstrap, CopiesAtBootWhatAStartWouldReadAhead) {
  const Experiment experiment = Experiment()
                                    .cold("nvme", 13)
                                    .cold("net", 60)
                                    .prefetch("net", 20)
                                    .staged(24, 13, 13)
                                    .command({"coldload", "compare", "--", "vllm", "{model}"});
  const std::string script = script_of(experiment);
  EXPECT_EQ(calls_of(script, "boot"),
            "mountpoint --quiet /mnt/staged\n"
            "coldload stage --wait /mnt/net/Llama-3.1-8B /mnt/nvme/a copy\n");
  EXPECT_EQ(calls_of(script, ""),
            "mountpoint --quiet /mnt/staged\n"
            "coldload run --stage /mnt/nvme/a copy /mnt/net/Llama-3.1-8B -- vllm {model}\n");
  // The copy lies on the disk of `nvme`, whose warm starts tell what memory saves.
  const std::string warmed = script_of(Experiment(experiment).warm("nvme", 9));
  EXPECT_THAT(warmed, HasSubstr("# From memory, reading the weights takes 4.00 s less of a start "
                                "(measured on nvme, the same disk).\n"
                                "  coldload cache warm \"$copy\"\n"));
}

// What memory saves on one disk says nothing of a copy on another.
TEST(NodeBootstrap, WarmsNoCopyOnADiskThatWasNotMeasured) {
  const std::string script = script_of(Experiment()
                                           .cold("nvme", 13)
                                           .warm("nvme", 9)
                                           .cold("net", 60)
                                           .staged(24, 13, 13)
                                           .on_device("staged", "sda"));
  EXPECT_THAT(script, HasSubstr("coldload stage --wait"));
  EXPECT_THAT(script, Not(HasSubstr("cache warm")));
}

TEST(NodeBootstrap, WarmsThePathAtBootWhereMemoryIsShownToBeFaster) {
  const std::string script =
      script_of(Experiment().cold("nvme", 13).warm("nvme", 9).cold("net", 60));
  EXPECT_EQ(calls_of(script, "boot"), "coldload cache warm /mnt/nvme/Llama-3.1-8B\n");
  const std::string unclear =
      script_of(Experiment().cold("nvme", 13).warm("nvme", 13).cold("net", 60));
  EXPECT_THAT(unclear, Not(HasSubstr("cache warm")));
  EXPECT_EQ(calls_of(unclear, "boot"), "") << "it starts no server";
}

TEST(NodeBootstrap, ChecksTheMountThatItCopiesTo) {
  const std::string script =
      script_of(Experiment().cold("nvme", 13).cold("net", 60).staged(24, 13, 13));
  EXPECT_THAT(script, HasSubstr("mountpoint --quiet /mnt/staged"));
  EXPECT_THAT(script, HasSubstr("copy='/mnt/nvme/a copy'"));
}

}  // namespace
}  // namespace coldload::report
