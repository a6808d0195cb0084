#include "storage/byte_counter.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace coldload::storage {
namespace {

TEST(ParseBlockStat, TakesTheSectorsReadInBytes) {
  EXPECT_EQ(parse_block_stat("   34766     6952 14402650    17812    24906     4808  5108448\n"),
            14402650ULL * 512U);
}

TEST(ParseBlockStat, RefusesWhatIsTooShort) {
  EXPECT_FALSE(parse_block_stat(""));
  EXPECT_FALSE(parse_block_stat("1 2"));
}

constexpr char k_mountstats[] =
    "device /dev/vda mounted on / with fstype ext4\n"
    "device srv:/a mounted on /mnt/a with fstype nfs4 statvers=1.1\n"
    "\topts:\trw,vers=4.2\n"
    "\tevents:\t1 2 3\n"
    "\tbytes:\t100 0 50 0 777 0 3 0\n"
    "device srv:/b mounted on /mnt/b with fstype nfs statvers=1.1\n"
    "\tbytes:\t1 2 3 4 5 6 7 8\n";

TEST(ParseMountstats, TakesBytesReadFromTheServerOfThatMount) {
  EXPECT_EQ(parse_mountstats(k_mountstats, "/mnt/a"), 777U);
  EXPECT_EQ(parse_mountstats(k_mountstats, "/mnt/b"), 5U);
}

TEST(ParseMountstats, HasNoAnswerForOtherMounts) {
  EXPECT_FALSE(parse_mountstats(k_mountstats, "/"));
  EXPECT_FALSE(parse_mountstats(k_mountstats, "/mnt"));
  EXPECT_FALSE(
      parse_mountstats("device x mounted on /mnt/a with fstype nfs\n\tbytes:\t1 2\n", "/mnt/a"));
}

TEST(ParseMountstats, KnowsMountPointsWithBlanks) {
  EXPECT_EQ(parse_mountstats("device srv:/a mounted on /mnt/my\\040disk with fstype nfs4\n"
                             "\tbytes:\t1 2 3 4 5 6 7 8\n",
                             "/mnt/my disk"),
            5U);
}

constexpr char k_cifs_stats[] =
    "Resources in use\nCIFS Session: 2\nShare (unique mount targets): 3\n\n"
    "Total vfs operations: 67 maximum at one time: 2\n\n"
    "Max requests in flight: 3\n"
    "1) \\\\nas\\models\n"
    "SMBs: 233\n"
    "Bytes read: 1000  Bytes written: 7\n"
    "Open files: 0 total (local), 0 open on server\n"
    "Reads: 12 total 0 failed\n"
    "2) \\\\nas\\other\n"
    "SMBs: 9\n"
    "Bytes read: 5  Bytes written: 0\n"
    "3) \\\\nas\\models\tDISCONNECTED \n"
    "SMBs: 9\n"
    "Bytes read: 20  Bytes written: 0\n";

TEST(ParseCifsStats, AddsUpTheConnectionsOfOneShare) {
  EXPECT_EQ(parse_cifs_stats(k_cifs_stats, "//nas/models"), 1020U);
  EXPECT_EQ(parse_cifs_stats(k_cifs_stats, "//nas/models/llama/8b"), 1020U);
  EXPECT_EQ(parse_cifs_stats(k_cifs_stats, "//nas/other"), 5U);
}

TEST(ParseCifsStats, HasNoAnswerForOtherShares) {
  EXPECT_FALSE(parse_cifs_stats(k_cifs_stats, "//nas/model"));
  EXPECT_FALSE(parse_cifs_stats(k_cifs_stats, "nas"));
  EXPECT_FALSE(parse_cifs_stats("", "//nas/models"));
}

PathInfo on(const std::string& fs_type) {
  PathInfo info;
  info.path = "/";
  info.mount.fs_type = fs_type;
  info.mount.point = "/";
  return info;
}

TEST(ChooseByteCounter, SaysWhyThereIsNone) {
  PathInfo memory = on("tmpfs");
  memory.cache = CacheKind::memory_backed;
  EXPECT_FALSE(choose_byte_counter(memory).counter);
  EXPECT_NE(choose_byte_counter(memory).reason, "");
  EXPECT_FALSE(choose_byte_counter(on("fuse.sshfs")).counter);
  EXPECT_FALSE(choose_byte_counter(on("fuse.sshfs")).processes_are_charged);
}

TEST(ChooseByteCounter, GoesByProcessesWhereTheDeviceIsHidden) {
  const CounterChoice choice = choose_byte_counter(on("overlay"));
  EXPECT_FALSE(choice.counter);
  EXPECT_TRUE(choice.processes_are_charged);
  EXPECT_EQ(choice.reason, "the block device behind overlay is not visible from here");
}

TEST(ChooseByteCounter, CountsAnSmbShareOnceHoweverOftenItIsMounted) {
  PathInfo info = on("cifs");
  info.mount.source = "//nas/models";
  const std::string subject = choose_byte_counter(info).subject;
  info.mount.point = "/mnt";
  EXPECT_EQ(choose_byte_counter(info).subject, subject);
  info.mount.source = "//nas/others";
  EXPECT_NE(choose_byte_counter(info).subject, subject);
}

TEST(ChooseByteCounter, DropsACounterThatDoesNotAnswer) {
  PathInfo info = on("ext4");
  info.device.emplace();
  info.device->major = info.device->minor = 4095;
  const CounterChoice choice = choose_byte_counter(info);
  EXPECT_FALSE(choice.counter);
  EXPECT_EQ(choice.source, "");
  EXPECT_NE(choice.reason, "");
}

CounterChoice counting(const std::string& subject, std::optional<std::uint64_t> bytes) {
  CounterChoice choice;
  choice.source = "block_device";
  choice.subject = subject;
  choice.counter = [bytes] { return bytes; };
  choice.processes_are_charged = true;
  return choice;
}

TEST(AllOf, AddsUpEachCounterOnce) {
  const CounterChoice all = all_of({counting("sda ", 5), counting("sdb ", 7), counting("sda ", 5)});
  EXPECT_EQ(all.counter(), 12U);
  EXPECT_EQ(all.source, "block_device");
  EXPECT_TRUE(all.processes_are_charged);
  CounterChoice nfs = counting("/mnt", 1);
  nfs.source = "nfs_mountstats";
  nfs.processes_are_charged = false;
  EXPECT_EQ(all_of({counting("sda ", 5), nfs}).source, "block_device+nfs_mountstats");
  EXPECT_FALSE(all_of({counting("sda ", 5), nfs}).processes_are_charged);
}

TEST(AllOf, HasNoAnswerWhereOneHasNone) {
  EXPECT_FALSE(all_of({counting("sda ", 5), counting("sdb ", std::nullopt)}).counter());
  CounterChoice none;
  none.reason = "fuse.x counts nothing";
  const CounterChoice all = all_of({counting("sda ", 5), none});
  EXPECT_FALSE(all.counter);
  EXPECT_EQ(all.reason, "fuse.x counts nothing");
}

}  // namespace
}  // namespace coldload::storage
