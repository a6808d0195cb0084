// Tensors as they land, from real files into host memory, and into a GPU whose copies are late
// (tests/fakes/fake_cuda.cc).
#include "api/session.h"

#include <cstring>
#include <filesystem>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/dlpack.h"
#include "os/error.h"
#include "os/file.h"
#include "unit/api/checkpoint_files.h"
#include "unit/gpu/fake_cuda.h"

namespace coldload::api {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr std::uint64_t k_mib = std::uint64_t{1} << 20;
constexpr std::chrono::seconds k_patience{60};

// The fake's GPU memory is host memory.
std::string bytes_of(const Landed& landed) {
  std::string text(landed.wanted.bytes(), '\0');
  const char* from = nullptr;
  std::memcpy(&from, &landed.address, sizeof from);
  if (!text.empty()) std::memcpy(text.data(), from, text.size());
  return text;
}

class LoadTensors : public testing::TestWithParam<bool> {
 protected:
  LoadTensors() {
    gpu::clear_fake_cuda_environment();
    options_.ring_bytes = 8 * k_mib;
    options_.threads = 3;
    if (GetParam()) options_.gpu = 0;
  }
  void SetUp() override {
    if (GetParam()) {
      ASSERT_TRUE(gpu::load_fake_cuda());
    }
  }

  // Many of all sizes in three files, one of them larger than a small window.
  std::shared_ptr<const Opened> many() {
    for (const char* file : {"1", "2", "3"}) {
      std::vector<FileTensor> tensors{
          {fmt::format("{}.scalar", file), "I64", {}, 8},
          {fmt::format("{}.large", file), "U8", {9 * k_mib}, 9 * k_mib}};
      for (unsigned i = 0; i < 40; ++i) {
        tensors.push_back({fmt::format("{}.{}", file, i), "F32", {i, 5000}, i * 20000});
      }
      paths_.push_back(files_.write(fmt::format("{}.safetensors", file), tensors));
    }
    return open_files(paths_);
  }

  // Everything that lands, held or let go.
  static std::map<std::string, std::string> take_all(Session& session, std::vector<Landed>* held) {
    std::map<std::string, std::string> contents;
    while (true) {
      std::vector<Landed> landed;
      if (session.next(k_patience, 7, &landed) == Session::Outcome::done) return contents;
      for (const Landed& one : landed) {
        EXPECT_TRUE(contents.emplace(one.tensor().name, bytes_of(one)).second);
        if (held != nullptr) held->push_back(one);
      }
    }
  }

  static void expect_right(const Opened& opened,
                           const std::map<std::string, std::string>& contents) {
    ASSERT_EQ(contents.size(), opened.tensors.size());
    std::map<std::size_t, std::string> files;
    for (const Tensor& tensor : opened.tensors) {
      std::string& text = files[tensor.file];
      if (text.empty()) text = os::read_text(opened.files[tensor.file].path, 1U << 30U);
      EXPECT_TRUE(contents.at(tensor.name) == text.substr(tensor.begin, tensor.bytes()))
          << tensor.name;
    }
  }

  CheckpointFiles files_;
  std::vector<std::string> paths_;
  SessionOptions options_;
};

TEST_P(LoadTensors, EachLandsOnceWithItsBytes) {
  const auto opened = many();
  Session session(opened, options_);
  expect_right(*opened, take_all(session, nullptr));
  ASSERT_TRUE(session.result());
  EXPECT_GE(session.result()->bytes, 3 * 9 * k_mib);
}

TEST_P(LoadTensors, AWindowHoldsNoMoreThanItSays) {
  const auto opened = many();
  options_.window_bytes = 24 * k_mib;
  Session session(opened, options_);
  expect_right(*opened, take_all(session, nullptr));
  EXPECT_LE(session.result()->most_held_bytes, options_.window_bytes);
}

TEST_P(LoadTensors, AWindowThatIsTooSmallForOneTensorHoldsThatOne) {
  const auto opened = many();
  options_.window_bytes = 2 * k_mib;
  Session session(opened, options_);
  expect_right(*opened, take_all(session, nullptr));
  EXPECT_LE(session.result()->most_held_bytes, 16 * k_mib);
}

TEST_P(LoadTensors, WhoHoldsOnToAllGetsAWiderWindow) {
  const auto opened = many();
  options_.window_bytes = 8 * k_mib;
  Session session(opened, options_);
  std::vector<Landed> held;
  const auto contents = take_all(session, &held);
  expect_right(*opened, contents);
  EXPECT_GE(session.result()->most_held_bytes, 3 * 9 * k_mib);
  // Nothing of it was used again.
  for (const Landed& one : held) EXPECT_TRUE(bytes_of(one) == contents.at(one.tensor().name));
}

TEST_P(LoadTensors, OutliveTheirSession) {
  const auto opened = many();
  std::vector<Landed> held;
  std::map<std::string, std::string> contents;
  {
    Session session(opened, options_);
    contents = take_all(session, &held);
  }
  for (const Landed& one : held) EXPECT_TRUE(bytes_of(one) == contents.at(one.tensor().name));
}

TEST_P(LoadTensors, PartsOfThem) {
  const auto opened =
      open_files({files_.write("x", {{"a", "F32", {100, 1000}, 400'000}, {"b", "I16", {7}, 14}})});
  options_.parts = std::vector<Part>{{0, 10, 20}, {1, 6, {}}};
  Session session(opened, options_);
  std::vector<Landed> held;
  const auto contents = take_all(session, &held);
  const std::string text = os::read_text(opened->files[0].path, k_mib);
  EXPECT_TRUE(contents.at("a") == text.substr(opened->tensors[0].begin + 40'000, 80'000));
  EXPECT_TRUE(contents.at("b") == text.substr(opened->tensors[1].end - 2, 2));
  for (const Landed& one : held) EXPECT_EQ(one.shape()[0], one.tensor().name == "a" ? 20U : 1U);
}

TEST_P(LoadTensors, AreAlignedWhereverTheyLieInTheFile) {
  const auto opened = open_files({files_.write(
      "odd", {{"a", "F64", {3}, 24}, {"b", "U8", {1}, 1}, {"c", "I64", {2}, 16}}, true)});
  Session session(opened, options_);
  std::vector<Landed> held;
  expect_right(*opened, take_all(session, &held));
  for (const Landed& one : held) {
    if (one.tensor().dtype != model::Dtype::u8) {
      EXPECT_EQ(one.address % 8, 0U);
    }
  }
}

TEST_P(LoadTensors, EndInTheMiddle) {
  const auto opened = many();
  options_.window_bytes = 8 * k_mib;
  for (const std::size_t most : {0U, 1U, 20U}) {
    std::vector<Landed> landed;
    Session session(opened, options_);
    if (most > 0) {
      EXPECT_EQ(session.next(k_patience, most, &landed), Session::Outcome::landed);
    }
  }
}

TEST_P(LoadTensors, SayWhatWasReplacedSinceItsHeaderWasRead) {
  const auto opened = many();
  std::filesystem::resize_file(paths_[1], opened->files[1].bytes - 1);
  Session session(opened, options_);
  try {
    (void)take_all(session, nullptr);
    FAIL() << "nothing was thrown";
  } catch (const os::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr(paths_[1]));
    EXPECT_THAT(error.what(), HasSubstr("it changed during the load"));
  }
}

TEST_P(LoadTensors, SeveralAtOnce) {
  const auto opened = many();
  const auto load = [&] {
    SessionOptions options = options_;
    options.window_bytes = 16 * k_mib;
    Session session(opened, options);
    expect_right(*opened, take_all(session, nullptr));
  };
  std::thread other(load);
  load();
  other.join();
}

TEST_P(LoadTensors, OfNothing) {
  options_.parts = std::vector<Part>{};
  Session session(many(), options_);
  std::vector<Landed> landed;
  EXPECT_EQ(session.next(k_patience, 1, &landed), Session::Outcome::done);
}

INSTANTIATE_TEST_SUITE_P(Into, LoadTensors, testing::Bool(),
                         [](const auto& into) { return into.param ? "Gpu" : "Host"; });

TEST(LoadTensorsShort, OfMemoryIsSaidBeforeAnythingIsRead) {
  gpu::clear_fake_cuda_environment();
  ASSERT_TRUE(gpu::load_fake_cuda());
  ::setenv("FAKE_CUDA_MEMORY_MIB", "4", 1);
  CheckpointFiles files;
  const auto opened = open_files({files.write("x", {{"a", "U8", {6 * k_mib}, 6 * k_mib}})});
  SessionOptions options;
  options.gpu = 0;
  options.ring_bytes = 4 * k_mib;
  options.window_bytes = k_mib;
  Session session(opened, options);
  std::vector<Landed> landed;
  try {
    (void)session.next(k_patience, 1, &landed);
    FAIL() << "nothing was thrown";
  } catch (const os::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("needed 7 MiB, free 4 MiB"));
  }
  gpu::clear_fake_cuda_environment();
}

// DLPack's own layout (dlpack.h 1.0), as the other side reads it.
struct TheirTensor {
  void* data;
  std::int32_t device_type, device_id, ndim;
  std::uint8_t code, bits;
  std::uint16_t lanes;
  std::int64_t *shape, *strides;
  std::uint64_t byte_offset;
};

TEST(Dlpack, DescribesATensorAndOwnsItsMemory) {
  CheckpointFiles files;
  const auto opened =
      open_files({files.write("x", {{"a", "BF16", {2, 3}, 12}, {"f", "F4", {4}, 2}})});
  std::vector<Landed> landed;
  {
    SessionOptions options;
    options.ring_bytes = 4 * k_mib;
    Session session(opened, options);
    std::vector<Landed> more;
    while (session.next(k_patience, 1, &more) == Session::Outcome::landed) {
    }
    landed = std::move(more);
  }
  ASSERT_THAT(landed, SizeIs(2));
  const std::string expected = bytes_of(landed[0]);
  EXPECT_THROW((void)to_dlpack(landed[1], true, false), os::Error);
  delete_dlpack(to_dlpack(landed[1], false, true), false);
  void* const plain = to_dlpack(landed[0], false, false);
  void* const versioned = to_dlpack(landed[0], true, false);
  landed.clear();
  const auto* tensor = static_cast<const TheirTensor*>(plain);
  EXPECT_EQ(std::memcmp(tensor->data, expected.data(), expected.size()), 0);
  EXPECT_EQ(tensor->device_type, 1);
  EXPECT_EQ(tensor->code, 4);
  EXPECT_EQ(tensor->bits, 16);
  ASSERT_EQ(tensor->ndim, 2);
  EXPECT_EQ(tensor->shape[1], 3);
  EXPECT_EQ(tensor->strides[0], 3);
  delete_dlpack(plain, false);
  // version, manager_ctx, deleter and flags come first.
  tensor = reinterpret_cast<const TheirTensor*>(static_cast<const std::byte*>(versioned) + 32);
  EXPECT_EQ(std::memcmp(tensor->data, expected.data(), expected.size()), 0);
  delete_dlpack(versioned, true);
}

}  // namespace
}  // namespace coldload::api
