#include "storage/block_device.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/temporary_directory.h"

namespace coldload::storage {
namespace {

using ::testing::HasSubstr;

namespace fs = std::filesystem;

// A sysfs of our own, laid out as the kernel's.
class FindBlockDevice : public ::testing::Test {
 protected:
  // `place` below /sys/devices, "pci0000:00/nvme/nvme0/nvme0n1".
  void device(const std::string& place, const std::string& numbers) {
    fs::create_directories(devices() / place);
    write(place, "dev", numbers);
    fs::create_directories(sys() / "dev/block");
    fs::create_symlink("../../devices/" + place, sys() / "dev/block" / numbers);
  }
  void write(const std::string& place, const std::string& file, const std::string& text) {
    fs::create_directories((devices() / place / file).parent_path());
    std::ofstream(devices() / place / file) << text << "\n";
  }
  void lies_on(const std::string& place, const std::string& below) {
    fs::create_directories(devices() / place / "slaves");
    fs::create_symlink(devices() / below,
                       devices() / place / "slaves" / fs::path(below).filename());
  }
  [[nodiscard]] fs::path sys() const { return root_.path(); }
  [[nodiscard]] fs::path devices() const { return sys() / "devices"; }
  [[nodiscard]] BlockDevice find(unsigned major, unsigned minor) const {
    return find_block_device(major, minor, root_.path()).value();
  }
  // An NVMe disk with one partition, 259:0 and 259:1.
  void nvme(const std::string& transport) {
    device("pci0/nvme/nvme0/nvme0n1", "259:0");
    device("pci0/nvme/nvme0/nvme0n1/nvme0n1p1", "259:1");
    write("pci0/nvme/nvme0/nvme0n1/nvme0n1p1", "partition", "1");
    write("pci0/nvme/nvme0/nvme0n1", "queue/rotational", "0");
    write("pci0/nvme/nvme0/nvme0n1", "queue/scheduler", "[none] mq-deadline");
    write("pci0/nvme/nvme0/nvme0n1", "device/model", "Fast 990");
    write("pci0/nvme/nvme0/nvme0n1", "device/transport", transport);
  }
  TemporaryDirectory root_{"coldload-test"};
};

TEST_F(FindBlockDevice, APartitionIsItsDisk) {
  nvme("pcie");
  const BlockDevice device = find(259, 1);
  EXPECT_EQ(device.name, "nvme0n1p1");
  EXPECT_EQ(device.model, "Fast 990");
  EXPECT_EQ(device.transport, "pcie");
  EXPECT_EQ(device.scheduler, "none");
  EXPECT_EQ(device.rotational, false);
  EXPECT_EQ(describe(device), "nvme0n1p1");
  EXPECT_EQ(why_network(device), "");
  EXPECT_EQ(device.hidden_cache, "");
}

TEST_F(FindBlockDevice, KnowsNothingOfWhatIsNotThere) {
  EXPECT_FALSE(find_block_device(1, 2, root_.path()));
}

TEST_F(FindBlockDevice, VolumesNameTheDisksBelow) {
  nvme("pcie");
  device("pci0/ata1/host0/block/sda", "8:0");
  device("virtual/block/md0", "9:0");
  write("virtual/block/md0", "md/level", "raid0");
  lies_on("virtual/block/md0", "pci0/nvme/nvme0/nvme0n1/nvme0n1p1");
  lies_on("virtual/block/md0", "pci0/ata1/host0/block/sda");
  device("virtual/block/dm-0", "252:0");
  write("virtual/block/dm-0", "dm/name", "luks");
  write("virtual/block/dm-0", "dm/uuid", "CRYPT-LUKS2-0123-luks");
  lies_on("virtual/block/dm-0", "virtual/block/md0");
  device("virtual/block/dm-1", "252:1");
  write("virtual/block/dm-1", "dm/name", "vg-models");
  write("virtual/block/dm-1", "dm/uuid", "LVM-abc");
  lies_on("virtual/block/dm-1", "virtual/block/dm-0");

  EXPECT_EQ(describe(find(9, 0)), "md0 (md raid0 on nvme0n1p1, sda)");
  EXPECT_EQ(describe(find(252, 0)), "dm-0 (dm-crypt volume luks on nvme0n1p1, sda)");
  const BlockDevice lvm = find(252, 1);
  EXPECT_EQ(describe(lvm), "dm-1 (LVM volume vg-models on nvme0n1p1, sda)");
  EXPECT_EQ(physical_devices(lvm).at(0)->transport, "pcie");
  EXPECT_EQ(why_network(lvm), "");
}

TEST_F(FindBlockDevice, AVolumeOnANetworkDiskIsReachedOverTheNetwork) {
  nvme("tcp");
  EXPECT_EQ(why_network(find(259, 0)), "NVMe over tcp");
  device("virtual/block/dm-0", "252:0");
  write("virtual/block/dm-0", "dm/name", "vg-m");
  write("virtual/block/dm-0", "dm/uuid", "LVM-abc");
  lies_on("virtual/block/dm-0", "pci0/nvme/nvme0/nvme0n1");
  EXPECT_THAT(why_network(find(252, 0)), HasSubstr("dm-0 lies on nvme0n1: NVMe over tcp"));
}

TEST_F(FindBlockDevice, TellsHowADiskIsReachedByItsPlace) {
  device("platform/host3/session1/target3:0:0/3:0:0:0/block/sdb", "8:16");
  device("pci0/host2/rport-2:0-0/target2:0:0/2:0:0:0/block/sdc", "8:32");
  device("virtual/block/rbd0", "250:0");
  EXPECT_THAT(why_network(find(8, 16)), HasSubstr("iSCSI"));
  EXPECT_THAT(why_network(find(8, 32)), HasSubstr("Fibre Channel"));
  EXPECT_THAT(why_network(find(250, 0)), HasSubstr("network block device"));
}

TEST_F(FindBlockDevice, ALoopDeviceReadsThroughItsFilesPagesUnlessItReadsDirectly) {
  device("virtual/block/loop0", "7:0");
  write("virtual/block/loop0", "loop/backing_file", "/images/a.img");
  write("virtual/block/loop0", "loop/dio", "0");
  EXPECT_EQ(describe(find(7, 0)), "loop0 (loop device over /images/a.img)");
  EXPECT_THAT(find(7, 0).hidden_cache, HasSubstr("/images/a.img"));
  device("virtual/block/dm-0", "252:0");
  lies_on("virtual/block/dm-0", "virtual/block/loop0");
  EXPECT_THAT(find(252, 0).hidden_cache, HasSubstr("/images/a.img"));
  write("virtual/block/loop0", "loop/dio", "1");
  EXPECT_EQ(find(7, 0).hidden_cache, "");
}

TEST_F(FindBlockDevice, ABtrfsNamesAllOfItsDevices) {
  device("virtual/block/loop1", "7:1");
  device("virtual/block/loop2", "7:2");
  device("virtual/block/loop3", "7:3");
  for (const char* name : {"loop1", "loop2"}) {
    fs::create_directories(sys() / "fs/btrfs/some-uuid/devices");
    fs::create_symlink(devices() / "virtual/block" / name,
                       sys() / "fs/btrfs/some-uuid/devices" / name);
  }
  const auto devices = devices_of_btrfs(find(7, 2), sys());
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[0].name, "loop1");
  EXPECT_EQ(devices[0].minor, 1U);
  EXPECT_EQ(devices[1].name, "loop2");
  EXPECT_TRUE(devices_of_btrfs(find(7, 3), sys()).empty());
}

}  // namespace
}  // namespace coldload::storage
