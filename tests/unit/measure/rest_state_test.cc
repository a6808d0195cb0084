#include "measure/rest_state.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"
#include "os/mapping.h"

namespace coldload::measure {
namespace {

namespace fs = std::filesystem;
using start_set::Group;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr std::uint64_t k_bytes = 64 * 4096;

class Silent : public ExperimentWatcher {
 public:
  void experiment_begins(const Outlook&) override {}
  void trial_begins(const Subject&, std::uint64_t, std::uint64_t) override {}
  void step(const std::string&, std::uint64_t, std::uint64_t) override {}
  void trial_ended(const Subject&, const records::Record&) override {}
  void looked_at_precision(const PrecisionLook&) override {}
  void warning(const std::string&) override {}
};

// On a disk: /tmp may be memory.
class TheRestOfAStart : public ::testing::Test {
 protected:
  TheRestOfAStart() {
    folder_ = "/var/tmp/coldload-rest-state.XXXXXX";
    if (::mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("no scratch in /var/tmp");
    for (const auto& [name, group] : {std::pair("model", Group::weights),
                                      {"config", Group::checkpoint},
                                      {"code.py", Group::program},
                                      {"graph", Group::caches},
                                      {"data", Group::other}}) {
      std::ofstream(folder_ + "/" + name) << std::string(k_bytes, 'x');
      set_.files.push_back({folder_ + "/" + name, group, k_bytes, {{0, k_bytes}}});
    }
  }
  ~TheRestOfAStart() override { fs::remove_all(folder_); }

  static std::vector<std::string> names_of(const records::StartSetFacts& facts) {
    std::vector<std::string> names;
    for (const records::StartSetGroup& group : facts.groups) names.push_back(group.group);
    return names;
  }
  static records::StartSetGroup group_of(const records::StartSetFacts& facts,
                                         const std::string& name) {
    for (const records::StartSetGroup& group : facts.groups) {
      if (group.group == name) return group;
    }
    return {};
  }
  void read(const std::string& name) const { (void)os::read_text(folder_ + "/" + name); }
  // Whether the disk lets its pages go: a tmpfs does not.
  [[nodiscard]] bool can_be_cold() {
    RestState rest(set_, TrialKind::node);
    rest.bring(watcher_);
    rest.look_before();
    return rest.evidence().resident_bytes_before == 0;
  }

  std::string folder_;
  start_set::StartSet set_;
  Silent watcher_;
};

TEST_F(TheRestOfAStart, IsNoPartOfTheCheckpointAndOfAFirstStartNoCaches) {
  EXPECT_THAT(names_of(RestState(set_, TrialKind::node).facts()),
              UnorderedElementsAre("program", "caches", "other"));
  EXPECT_THAT(names_of(RestState(set_, TrialKind::first).facts()),
              UnorderedElementsAre("program", "other"));
  EXPECT_TRUE(RestState(set_, TrialKind::first).evidence().wants_no_caches);
  EXPECT_FALSE(RestState(set_, TrialKind::node).evidence().wants_no_caches);
}

TEST_F(TheRestOfAStart, IsOutOfMemoryBeforeADeeperLayerAndSeenToCome) {
  if (!can_be_cold()) GTEST_SKIP() << "/var/tmp cannot be evicted";
  for (const auto& file : set_.files) (void)os::read_text(file.path);
  RestState rest(set_, TrialKind::node);
  rest.bring(watcher_);
  rest.look_before();
  EXPECT_EQ(rest.evidence().resident_bytes_before, 0U);
  EXPECT_FALSE(rest.evidence().came_bytes) << "not yet";
  read("code.py");
  rest.look_after();
  const RestEvidence evidence = rest.evidence();
  EXPECT_EQ(evidence.problem, "");
  EXPECT_EQ(evidence.files, 3U);
  EXPECT_EQ(evidence.bytes, 3 * k_bytes);
  EXPECT_EQ(evidence.unseen_bytes, 0U);
  EXPECT_TRUE(evidence.sees_program);
  EXPECT_LE(evidence.came_bytes.value(), k_bytes);  // the kernel may have taken some again
  const records::StartSetGroup program = group_of(rest.facts(), "program");
  EXPECT_EQ(program.files, 1U);
  EXPECT_EQ(program.bytes, k_bytes);
  EXPECT_EQ(program.resident_bytes_before, 0U);
  EXPECT_EQ(program.held_bytes, 0U);
  EXPECT_EQ(group_of(rest.facts(), "other").came_bytes, 0U);
}

// A program of somebody else's that starts just then, say.
TEST_F(TheRestOfAStart, ThatSomebodyReadAfterItsEvictionIsEvictedAgain) {
  if (!can_be_cold()) GTEST_SKIP() << "/var/tmp cannot be evicted";
  RestState rest(set_, TrialKind::node);
  rest.bring(watcher_);
  read("code.py");
  rest.look_before();
  EXPECT_EQ(rest.evidence().resident_bytes_before, 0U);
}

TEST_F(TheRestOfAStart, ThatSomebodyMapsIsToldApart) {
  if (!can_be_cold()) GTEST_SKIP() << "/var/tmp cannot be evicted";
  const std::string path = folder_ + "/code.py";
  const os::Mapping mapping = os::Mapping::of_file(os::open_regular(path), k_bytes);
  for (std::uint64_t at = 0; at < k_bytes; at += os::page_size()) {
    (void)*static_cast<const volatile std::byte*>(mapping.data() + at);
  }
  RestState rest(set_, TrialKind::node);
  rest.bring(watcher_);
  rest.look_before();
  const records::StartSetFacts facts = rest.facts();
  EXPECT_EQ(group_of(facts, "program").resident_bytes_before, k_bytes);
  EXPECT_EQ(group_of(facts, "program").held_bytes, k_bytes);
  EXPECT_EQ(group_of(facts, "other").held_bytes, 0U);
  EXPECT_THAT(facts.held_by, ElementsAre("coldload itself"));
  EXPECT_EQ(rest.evidence().resident_bytes_before, 0U);
}

TEST_F(TheRestOfAStart, ThatHasGoneIsNotInMemory) {
  RestState rest(set_, TrialKind::node);
  for (const auto& file : set_.files) fs::remove(file.path);
  rest.bring(watcher_);
  rest.look_before();
  rest.look_after();
  EXPECT_EQ(rest.evidence().problem, "");
  EXPECT_EQ(rest.evidence().resident_bytes_before, 0U);
  EXPECT_EQ(rest.evidence().came_bytes, 0U);
  EXPECT_FALSE(rest.evidence().sees_program);
}

TEST_F(TheRestOfAStart, IsReadBeforeALayerThatWantsItWarm) {
  for (const TrialKind kind : {TrialKind::cold, TrialKind::warm}) {
    if (!can_be_cold()) GTEST_SKIP() << "/var/tmp cannot be evicted";
    bool was_there = false;
    for (int i = 0; i < 20 && !was_there; ++i) {  // the kernel may take clean pages at any time
      RestState rest(set_, kind);
      rest.bring(watcher_);
      rest.look_before();
      was_there = group_of(rest.facts(), "program").resident_bytes_before == k_bytes &&
                  group_of(rest.facts(), "caches").resident_bytes_before == k_bytes;
      EXPECT_FALSE(group_of(rest.facts(), "program").held_bytes) << "nothing was to go";
    }
    EXPECT_TRUE(was_there);
  }
}

TEST_F(TheRestOfAStart, ThatIsUnknownClaimsNothing) {
  const start_set::StartSet nothing;
  RestState rest(nothing, TrialKind::node);
  rest.bring(watcher_);
  rest.look_before();
  rest.look_after();
  EXPECT_EQ(judge_rest(rest.evidence()).cold, records::Cold::unknown);
  EXPECT_TRUE(rest.facts().groups.empty());
}

}  // namespace
}  // namespace coldload::measure
