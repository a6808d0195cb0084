#include "stand_in/stand_in.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "os/proc.h"
#include "storage/path_info.h"
#include "storage/stand_in_mount.h"
#include "text/json.h"
#include "unit/temporary_directory.h"

namespace coldload::stand_in {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(NeededReadahead, HoldsWhatIsInFlightWithinItsBounds) {
  EXPECT_EQ(needed_readahead({250e6, 1ms}), 4U << 20);
  EXPECT_EQ(needed_readahead({100e6, 1ms}), 2U << 20);
  EXPECT_EQ(needed_readahead({250e6, 10ms}), 16U << 20);
  EXPECT_EQ(needed_readahead({1e6, 0ms, {}}), 1U << 20);
  EXPECT_EQ(needed_readahead({10e9, 10ms}), 16U << 20);
  // What no stream can get need not be read ahead.
  EXPECT_EQ(needed_readahead({10e9, 1ms, {}, 60e6}), 1U << 20);
}

Description some_description() {
  Description description;
  description.source = "/data/model, of a \"name\"";
  description.mount_point = "/mnt/net";
  description.server_pid = 4711;
  description.pace = {250e6, 1500us, 3000.0, 300e6, 200e6, "some-model"};
  description.access = MountAccess::everybody;
  description.faults = {1U << 20, 2U << 20, 0.25, 7};
  description.links = OutsideLinks::as_files;
  description.backing = Backing::cold;
  description.warmed = false;
  description.readahead_bytes = 8U << 20;
  description.request_bytes = 256U << 10;
  description.delivered = {249e6, 120e6, {}, "a read failed"};
  return description;
}

TEST(Description, SurvivesJson) {
  const text::json::object json = to_json(some_description());
  const auto read = description_from_json(json);
  ASSERT_TRUE(read);
  EXPECT_EQ(text::to_line(to_json(*read)), text::to_line(json));
  EXPECT_EQ(read->pace.latency, 1500us);
  EXPECT_EQ(read->pace.preset, "some-model");
  EXPECT_EQ(read->pace.client_bytes_per_s, 200e6);
  EXPECT_EQ(read->faults.hang_after_bytes, 2U << 20);
  EXPECT_EQ(read->faults.seed, 7U);
  EXPECT_EQ(read->access, MountAccess::everybody);
  EXPECT_FALSE(read->delivered.parallel_bytes_per_s);
  EXPECT_FALSE(description_from_json({}));
  EXPECT_FALSE(description_from_json({{"source", 1}}));
}

TEST(Shortfall, NamesEachWayThatGetsLessThan95Percent) {
  Description description = some_description();
  description.pace.stream_bytes_per_s.reset();
  description.pace.client_bytes_per_s.reset();
  EXPECT_EQ(shortfall(description), "delivers 120 MB/s to one reader through mmap, asked 250 MB/s");
  description.readahead_bytes = 128U << 10;
  EXPECT_THAT(shortfall(description),
              HasSubstr("readahead is 128 KiB and would have to be 8192 KiB"));
  description.delivered = {238e6, 250e6, 250e6, ""};
  EXPECT_EQ(shortfall(description), "");
  description.delivered = {};
  EXPECT_EQ(shortfall(description), "");
  // One reader is one stream, four are four.
  description.pace.stream_bytes_per_s = 60e6;
  description.delivered = {60e6, 60e6, 238e6, ""};
  EXPECT_EQ(shortfall(description), "");
  description.delivered = {60e6, 60e6, 120e6, ""};
  EXPECT_THAT(shortfall(description), HasSubstr("120 MB/s to four readers together, asked 250"));
}

// The rest needs a real mount, and coldload itself, which is the server's program.
class MountedStandIn : public testing::Test {
 protected:
  void SetUp() override {
    const os::Availability here = available();
    if (!here.ok) GTEST_SKIP() << here.reason;
    const char* given = std::getenv("COLDLOAD_BINARY");
    program = given != nullptr ? given
                               : std::filesystem::read_symlink("/proc/self/exe")
                                         .parent_path()
                                         .parent_path()
                                         .parent_path() /
                                     "coldload";
    if (::access(program.c_str(), X_OK) != 0) GTEST_SKIP() << program << " was not built";
    model = scratch.path() + "/model";
    std::filesystem::create_directory(model);
    content.resize(3U << 20);
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * i >> 7);
    os::replace_text(model + "/weights", content);
  }

  [[nodiscard]] Options options() const {
    Options options;
    options.source = model;
    options.pace = {500e6, 1ms};
    options.program = program;
    return options;
  }

  // Past the page cache: of what is read through it the kernel may drop pages before the reader has
  // them, and ask for them once more.
  static void read_all(const std::string& path) {
    const os::Fd file = os::open_file(path, O_RDONLY | O_DIRECT);
    constexpr std::size_t k_aligned = 4096;
    constexpr std::size_t k_step = 256U << 10;
    const std::unique_ptr<void, void (*)(void*)> buffer(std::aligned_alloc(k_aligned, k_step),
                                                        std::free);
    ssize_t got = 1;
    while (got > 0) got = ::read(file.get(), buffer.get(), k_step);
    EXPECT_EQ(got, 0) << os::error_text(errno);
  }

  static bool mounted(const std::string& point) {
    for (const storage::Mount& mount :
         storage::parse_mountinfo(os::read_text("/proc/self/mountinfo"))) {
      if (mount.point == point) return true;
    }
    return false;
  }

  TemporaryDirectory scratch{"stand-in-test"};
  std::string program;
  std::string model;
  std::string content;
};

TEST_F(MountedStandIn, ShowsTheModelUnderItsOwnNameAndLeavesNothing) {
  std::string path;
  pid_t server = 0;
  {
    const StandIn stand_in(options());
    path = stand_in.path();
    server = stand_in.pid();
    EXPECT_EQ(std::filesystem::path(path).filename(), "model");
    EXPECT_TRUE(mounted(path));
    EXPECT_EQ(os::read_text(path + "/weights"), content);
  }
  EXPECT_FALSE(mounted(path));
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(path).parent_path()));
  EXPECT_FALSE(os::process_info(server));
}

TEST_F(MountedStandIn, TellsWhatItServedToWhoeverAsksBelowIt) {
  const StandIn stand_in(options());
  const std::string weights = stand_in.path() + "/weights";
  EXPECT_EQ(storage::stand_in_bytes_served(stand_in.path()), 0U);
  read_all(weights);
  EXPECT_EQ(storage::stand_in_bytes_served(weights), content.size());
  const auto description = describe(weights);
  ASSERT_TRUE(description);
  EXPECT_EQ(description->server_pid, stand_in.pid());
  EXPECT_EQ(description->source, std::filesystem::canonical(model).string());
  EXPECT_EQ(text::to_line(to_json(*description)), text::to_line(to_json(stand_in.description())));
}

TEST_F(MountedStandIn, OtherPathsAreNoStandIn) {
  EXPECT_FALSE(storage::stand_in_bytes_served(model));
  EXPECT_FALSE(describe(model));
  EXPECT_FALSE(storage::stand_in_bytes_served(model + "/nothing"));
  EXPECT_FALSE(storage::stand_in_bytes_served("/proc/self"));
}

TEST_F(MountedStandIn, AbortFreesReadersOfAServerThatHangs) {
  std::string path;
  {
    StandIn stand_in(options());
    path = stand_in.path();
    ::kill(stand_in.pid(), SIGSTOP);
    std::thread reader([&] { EXPECT_ANY_THROW((void)os::read_text(path + "/weights")); });
    std::this_thread::sleep_for(50ms);
    stand_in.abort();
    reader.join();
    stand_in.wait();
    EXPECT_FALSE(stand_in.serving());
  }
  EXPECT_FALSE(mounted(path));
}

TEST_F(MountedStandIn, AMovedOneStaysMounted) {
  StandIn first(options());
  const StandIn second(std::move(first));
  EXPECT_EQ(os::read_text(second.path() + "/weights"), content);
}

TEST_F(MountedStandIn, AServerThatCannotStartIsAnErrorAndLeavesNothing) {
  Options wrong = options();
  wrong.program = "/bin/false";
  wrong.mount_point = scratch.path() + "/net";
  EXPECT_THROW(StandIn{wrong}, os::Error);
  wrong.program = "/bin/no-such-program";
  EXPECT_THROW(StandIn{wrong}, os::Error);
  EXPECT_FALSE(std::filesystem::exists(wrong.mount_point));
}

TEST_F(MountedStandIn, TwoOfTheSameSourceAreIndependent) {
  const StandIn one(options());
  const StandIn two(options());
  read_all(one.path() + "/weights");
  EXPECT_EQ(storage::stand_in_bytes_served(one.path()), content.size());
  EXPECT_EQ(storage::stand_in_bytes_served(two.path()), 0U);
}

}  // namespace
}  // namespace coldload::stand_in
