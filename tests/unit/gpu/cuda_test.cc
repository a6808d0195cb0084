#include "gpu/cuda.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gpu/cuda_api.h"
#include "os/error.h"
#include "unit/gpu/fake_cuda.h"

namespace coldload::gpu {
namespace {

using ::testing::AllOf;
using ::testing::ExitedWithCode;
using ::testing::HasSubstr;
using ::testing::KilledBySignal;
using ::testing::Not;

constexpr std::size_t k_mib = 1U << 20U;

std::vector<std::byte> pattern(std::size_t bytes, unsigned seed = 1) {
  std::vector<std::byte> made(bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    made[i] = static_cast<std::byte>((i * 7 + (i >> 8U) + seed) & 0xFFU);
  }
  return made;
}

// The fake's device memory is memory of this process.
std::vector<std::byte> content(const DeviceMemory& memory) {
  std::vector<std::byte> copied(memory.bytes());
  std::memcpy(copied.data(), reinterpret_cast<const void*>(memory.address()), copied.size());
  return copied;
}

void copy_to_gpu(CopyStream& stream, std::uint64_t address, std::span<const std::byte> from) {
  const CopyStream::Copy one{address, from};
  stream.to_device({&one, 1});
}

// What `action` says when it throws; empty where it does not.
std::string error_of(const std::function<void()>& action) {
  try {
    action();
    return "";
  } catch (const os::Error& error) {
    return error.what();
  }
}

// A process whose driver is not started yet. What must happen in such a one is a death test: the
// threadsafe style runs it in a new process, also where all tests share this one.
class NewProcess : public ::testing::Test {
 protected:
  NewProcess() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    clear_fake_cuda_environment();
  }
  ~NewProcess() override { clear_fake_cuda_environment(); }
};

class FakeGpu : public NewProcess {
 protected:
  void SetUp() override {
    ::setenv("FAKE_CUDA_DEVICES", "2", 1);
    ASSERT_TRUE(load_fake_cuda());
  }

  // Device 0 with `faults`.
  static std::shared_ptr<const Device> open(const char* faults = "") {
    ::setenv("FAKE_CUDA", faults, 1);
    return Device::open(0);
  }
};

[[noreturn]] void say_and_exit(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
  std::exit(0);
}

[[noreturn]] void find_and_exit(bool loaded) {
  const Device::Found found = Device::find();
  say_and_exit(!loaded                 ? "no fake"
               : found.availability.ok ? "available"
                                       : found.availability.reason);
}

TEST_F(FakeGpu, IsListedWithItsName) {
  const Device::Found found = Device::find();
  ASSERT_TRUE(found.availability.ok) << found.availability.reason;
  EXPECT_EQ(found.count, 2);
  EXPECT_EQ(Device::open(0)->name(), "Fake GPU 0");
  EXPECT_EQ(Device::open(1)->name(), "Fake GPU 1");
}

TEST_F(FakeGpu, MayBeIntegrated) {
  EXPECT_FALSE(Device::any_is_integrated());
  ::setenv("FAKE_CUDA", "integrated", 1);
  EXPECT_TRUE(Device::any_is_integrated());
}

TEST_F(FakeGpu, ThatIsNotThereIsRefusedWithTheirNumber) {
  EXPECT_EQ(error_of([] { (void)Device::open(2); }),
            "cannot use GPU 2: this process may use 2, counted from 0");
  EXPECT_NE(error_of([] { (void)Device::open(-1); }), "");
}

TEST_F(FakeGpu, TellsItsMemory) {
  ::setenv("FAKE_CUDA_MEMORY_MIB", "64", 1);
  const auto device = open();
  EXPECT_EQ(device->memory().total_bytes, 64 * k_mib);
  {
    const DeviceMemory memory(device, 24 * k_mib);
    EXPECT_EQ(memory.bytes(), 24 * k_mib);
    EXPECT_EQ(device->memory().free_bytes, 40 * k_mib);
  }
  EXPECT_EQ(device->memory().free_bytes, 64 * k_mib);
}

TEST_F(FakeGpu, ReceivesCopiesAndGivesThemBack) {
  const auto device = open();
  std::vector<std::byte> host = pattern(k_mib + 3);
  std::vector<std::byte> back(host.size());
  const DeviceMemory memory(device, host.size());
  const PinnedRange pin_host(device, host);
  const PinnedRange pin_back(device, back);
  CopyStream stream(device);
  const std::span<const std::byte> from(host);
  copy_to_gpu(stream, memory.address(), from.first(1000));
  copy_to_gpu(stream, memory.address() + 1000, from.subspan(1000));
  stream.to_host(back, memory.address());
  stream.wait();
  EXPECT_EQ(content(memory), host);
  EXPECT_EQ(back, host);
}

TEST_F(FakeGpu, CopiesAreDoneBeforeTheirStreamIsGone) {
  ::setenv("FAKE_CUDA_COPY_DELAY_US", "20000", 1);
  const auto device = open();
  std::vector<std::byte> host = pattern(4096);
  const DeviceMemory memory(device, host.size());
  const PinnedRange pin(device, host);
  {
    CopyStream stream(device);
    copy_to_gpu(stream, memory.address(), host);
  }
  EXPECT_EQ(content(memory), host);
}

TEST_F(FakeGpu, EventIsDoneWhenTheCopiesBeforeItAre) {
  ::setenv("FAKE_CUDA_COPY_DELAY_US", "300000", 1);
  const auto device = open();
  std::vector<std::byte> host = pattern(4096);
  const DeviceMemory memory(device, host.size());
  const PinnedRange pin(device, host);
  CopyStream stream(device);
  Event event(device);
  EXPECT_TRUE(event.done()) << "nothing recorded, nothing to wait for";
  copy_to_gpu(stream, memory.address(), host);
  event.record(stream);
  EXPECT_FALSE(event.done());
  event.wait();
  EXPECT_TRUE(event.done());
  EXPECT_EQ(content(memory), host);
}

TEST_F(FakeGpu, EventDoesNotWaitForTheCopiesBehindIt) {
  ::setenv("FAKE_CUDA_COPY_DELAY_US", "300000", 1);
  const auto device = open();
  std::vector<std::byte> host = pattern(4096);
  const DeviceMemory memory(device, host.size());
  const PinnedRange pin(device, host);
  CopyStream stream(device);
  Event before(device);
  Event behind(device);
  before.record(stream);
  copy_to_gpu(stream, memory.address(), host);
  behind.record(stream);
  before.wait();
  EXPECT_TRUE(before.done());
  EXPECT_FALSE(behind.done());
}

TEST_F(FakeGpu, StreamsOfSeveralThreadsCopyAtOnce) {
  const auto device = open();
  constexpr std::size_t k_piece = 4096;
  constexpr unsigned k_threads = 4;
  constexpr unsigned k_copies = 16;
  std::vector<std::byte> host = pattern(k_threads * k_copies * k_piece);
  const DeviceMemory memory(device, host.size());
  const PinnedRange pin(device, host);
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < k_threads; ++thread) {
    threads.emplace_back([&, thread] {
      device->use_in_this_thread();
      CopyStream stream(device);
      Event event(device);
      for (unsigned copy = 0; copy < k_copies; ++copy) {
        const std::size_t at = (copy * k_threads + thread) * k_piece;
        copy_to_gpu(stream, memory.address() + at, std::span(host).subspan(at, k_piece));
        event.record(stream);
      }
      while (!event.done()) std::this_thread::yield();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(content(memory), host);
}

TEST_F(FakeGpu, WithoutRoomSaysWhatWasNeededAndWhatIsFree) {
  ::setenv("FAKE_CUDA_MEMORY_MIB", "64", 1);
  const auto device = open();
  const DeviceMemory memory(device, 24 * k_mib);
  EXPECT_THAT(error_of([&] { const DeviceMemory too_much(device, 41 * k_mib); }),
              HasSubstr("needed 41 MiB, free 40 MiB of 64 on Fake GPU 0"));
}

TEST_F(FakeGpu, ThatGivesNoMemoryDespiteRoomSaysSo) {
  const auto device = open("no-memory");
  EXPECT_THAT(error_of([&] { const DeviceMemory memory(device, k_mib); }),
              HasSubstr("needed 1 MiB, free 8192 MiB of 8192"));
}

TEST_F(FakeGpu, ThatCannotPinSaysWhatToDo) {
  const auto device = open("pin-fails");
  std::vector<std::byte> host(k_mib);
  EXPECT_THAT(
      error_of([&] { const PinnedRange pin(device, host); }),
      AllOf(HasSubstr("cannot pin 1.0 MiB"), HasSubstr("CUDA_ERROR_OUT_OF_MEMORY (out of memory)"),
            HasSubstr("ulimit -l"), HasSubstr("smaller ring")));
}

TEST_F(FakeGpu, PinningTwiceIsNotBlamedOnALimit) {
  const auto device = open();
  std::vector<std::byte> host(k_mib);
  const PinnedRange pin(device, host);
  EXPECT_THAT(
      error_of([&] { const PinnedRange again(device, host); }),
      AllOf(HasSubstr("CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED"), Not(HasSubstr("ulimit"))));
}

TEST_F(FakeGpu, ThatIsLostWhilePinningPointsAtXid) {
  const auto device = open("pin-fails=999");
  std::vector<std::byte> host(k_mib);
  EXPECT_THAT(error_of([&] { const PinnedRange pin(device, host); }),
              AllOf(HasSubstr("Xid"), Not(HasSubstr("ulimit"))));
}

TEST_F(FakeGpu, ThatIsLostPointsAtXid) {
  const auto device = open("lost-after=2");
  std::vector<std::byte> host = pattern(4096);
  const DeviceMemory memory(device, 2 * host.size());
  const PinnedRange pin(device, host);
  CopyStream stream(device);
  Event event(device);
  copy_to_gpu(stream, memory.address(), host);
  stream.wait();
  copy_to_gpu(stream, memory.address() + host.size(), host);  // it is lost later than this returns
  event.record(stream);
  const auto lost = AllOf(HasSubstr("CUDA_ERROR_DEVICE_UNAVAILABLE"), HasSubstr("Xid"));
  EXPECT_THAT(error_of([&] { event.wait(); }), lost);
  EXPECT_THAT(error_of([&] { (void)event.done(); }), lost);
  EXPECT_THAT(error_of([&] { stream.wait(); }), lost);
  EXPECT_THAT(error_of([&] { copy_to_gpu(stream, memory.address(), host); }), lost);
  const std::vector<std::byte> unwritten(host.size(), std::byte{0xA5});
  EXPECT_TRUE(std::equal(unwritten.begin(), unwritten.end(),
                         content(memory).begin() + static_cast<std::ptrdiff_t>(host.size())));
}

TEST_F(FakeGpu, WithoutRoomForAContextSaysSo) {
  EXPECT_THAT(error_of([] { open("context-fails"); }),
              AllOf(HasSubstr("cannot create a context on GPU 0: CUDA_ERROR_OUT_OF_MEMORY"),
                    HasSubstr("choose another one")));
}

TEST_F(FakeGpu, ThatAnotherProcessMayHoldAloneSaysWhereToLook) {
  EXPECT_THAT(error_of([] { open("context-fails=46"); }),
              AllOf(HasSubstr("CUDA_ERROR_DEVICE_UNAVAILABLE"), HasSubstr("compute mode")));
}

TEST_F(FakeGpu, RefusesAThreadThatDoesNotUseIt) {
  const auto device = open();
  std::string error;
  std::thread([&] { error = error_of([&] { (void)device->memory(); }); }).join();
  EXPECT_THAT(error, HasSubstr("CUDA_ERROR_INVALID_CONTEXT"));
}

TEST_F(FakeGpu, RefusesCopiesFromMemoryThatIsNotPinned) {
  const auto device = open();
  std::vector<std::byte> host = pattern(8192);
  const DeviceMemory memory(device, host.size());
  CopyStream stream(device);
  const PinnedRange pin(device, std::span(host).first(4096));
  EXPECT_THAT(error_of([&] { copy_to_gpu(stream, memory.address(), host); }),
              HasSubstr("CUDA_ERROR_INVALID_VALUE"));
}

TEST_F(FakeGpu, RefusesCopiesThatLeaveItsMemory) {
  const auto device = open();
  std::vector<std::byte> host = pattern(8192);
  const DeviceMemory memory(device, 4096);
  const PinnedRange pin(device, host);
  CopyStream stream(device);
  const auto illegal = HasSubstr("CUDA_ERROR_ILLEGAL_ADDRESS");
  EXPECT_THAT(error_of([&] { copy_to_gpu(stream, memory.address(), host); }), illegal);
  EXPECT_THAT(error_of([&] { stream.to_host(host, memory.address() + 1); }), illegal);
}

// The tests of loaders stand on these three.
TEST_F(FakeGpu, ReadsTheSourceOnlyWhenTheCopyRuns) {
  ::setenv("FAKE_CUDA_COPY_DELAY_US", "300000", 1);
  const auto device = open();
  std::vector<std::byte> host = pattern(4096);
  const DeviceMemory memory(device, host.size());
  const PinnedRange pin(device, host);
  CopyStream stream(device);
  Event event(device);
  copy_to_gpu(stream, memory.address(), host);
  event.record(stream);
  std::fill(host.begin(), host.end(), std::byte{0});
  EXPECT_FALSE(event.done());  // orders the line above for ThreadSanitizer
  stream.wait();
  EXPECT_EQ(content(memory), host);
}

TEST_F(FakeGpu, ShowsWhatWasNotWritten) {
  const DeviceMemory memory(open(), 4096);
  EXPECT_EQ(content(memory), std::vector<std::byte>(4096, std::byte{0xA5}));
}

TEST_F(FakeGpu, CorruptsOneByteOfOneCopy) {
  const auto device = open("corrupt=2");
  std::vector<std::byte> host = pattern(4096);
  const DeviceMemory memory(device, host.size());
  const PinnedRange pin(device, host);
  CopyStream stream(device);
  for (std::size_t at = 0; at < host.size(); at += 1024) {
    copy_to_gpu(stream, memory.address() + at, std::span(host).subspan(at, 1024));
  }
  stream.wait();
  const std::vector<std::byte> arrived = content(memory);
  const auto different = std::mismatch(host.begin(), host.end(), arrived.begin());
  EXPECT_EQ(different.first - host.begin(), 1024 + 512);
  EXPECT_TRUE(std::equal(different.first + 1, host.end(), different.second + 1));
}

TEST_F(FakeGpu, EndsAProgramThatUnpinsUnderACopy) {
  ::setenv("FAKE_CUDA_COPY_DELAY_US", "1000000", 1);
  EXPECT_EXIT(
      {
        const auto device = open();
        std::vector<std::byte> host(4096);
        const DeviceMemory memory(device, host.size());
        CopyStream stream(device);
        const PinnedRange pin(device, host);
        copy_to_gpu(stream, memory.address(), host);
        device->api().host_unregister(host.data());
      },
      KilledBySignal(SIGABRT), "fake_cuda: unregister of memory with pending copies");
}

TEST_F(FakeGpu, EndsAProgramThatFreesTwice) {
  EXPECT_EXIT(
      {
        const auto device = open();
        const DeviceMemory memory(device, 4096);
        device->api().memory_free(memory.address());
      },
      KilledBySignal(SIGABRT), "fake_cuda: free of memory that is not allocated");
}

TEST_F(FakeGpu, LosesNothingOfWhatWasTakenFromIt) {
  ::setenv("FAKE_CUDA_LEAKS", "report", 1);
  for (const char* faults : {"", "lost-after=1", "no-memory", "pin-fails"}) {
    EXPECT_EXIT(
        {
          error_of([&] {
            const auto device = open(faults);
            std::vector<std::byte> host(4096);
            const PinnedRange pin(device, host);
            const DeviceMemory memory(device, host.size());
            CopyStream stream(device);
            Event event(device);
            copy_to_gpu(stream, memory.address(), host);
            event.record(stream);
            stream.wait();
          });
          error_of([] { open("context-fails"); });
          say_and_exit("over");
        },
        ExitedWithCode(0), AllOf(HasSubstr("over"), Not(HasSubstr("fake_cuda"))))
        << faults;
  }
}

TEST_F(FakeGpu, ReportsWhatIsLeftAtExit) {
  ::setenv("FAKE_CUDA_LEAKS", "report", 1);
  EXPECT_EXIT(
      {
        static const DeviceMemory* left = new DeviceMemory(open(), 4096);
        say_and_exit(std::to_string(left->bytes()));
      },
      ExitedWithCode(0), "fake_cuda: leaked 1 allocations, 0 ranges, 0 streams, 0 events");
}

TEST_F(NewProcess, WithNoVisibleDeviceSaysSo) {
  ::setenv("CUDA_VISIBLE_DEVICES", "", 1);
  EXPECT_EXIT(find_and_exit(load_fake_cuda()), ExitedWithCode(0),
              "sees no GPU that this process may use .is CUDA_VISIBLE_DEVICES empty.");
}

TEST_F(NewProcess, CountsTheVisibleDevicesOnly) {
  ::setenv("FAKE_CUDA_DEVICES", "4", 1);
  ::setenv("CUDA_VISIBLE_DEVICES", "3,1,9,0", 1);
  EXPECT_EXIT(
      {
        load_fake_cuda();
        say_and_exit(std::to_string(Device::find().count) + ": " + Device::open(0)->name() + ", " +
                     Device::open(1)->name());
      },
      ExitedWithCode(0), "2: Fake GPU 3, Fake GPU 1");
}

TEST_F(NewProcess, WithAnOldDriverNamesWhatItLacks) {
  EXPECT_EXIT(find_and_exit(load_old_fake_cuda()), ExitedWithCode(0),
              "libcuda.so.1 has no symbol cuMemHostRegister_v2");
}

TEST_F(NewProcess, WhoseDriverDoesNotStartSaysWhy) {
  ::setenv("FAKE_CUDA", "init-999", 1);
  EXPECT_EXIT(find_and_exit(load_fake_cuda()), ExitedWithCode(0),
              "cannot start the CUDA driver: CUDA_ERROR_UNKNOWN .unknown error.");
}

TEST_F(NewProcess, WithoutAGpuIsRefusedWithTheReason) {
  ::setenv("FAKE_CUDA", "no-device", 1);
  EXPECT_EXIT(
      {
        load_fake_cuda();
        say_and_exit(error_of([] { (void)Device::open(0); }));
      },
      ExitedWithCode(0), "cannot use a GPU: the CUDA driver sees no GPU");
}

}  // namespace
}  // namespace coldload::gpu
