// libFuzzer's side: COLDLOAD_FUZZ_TARGET names the target; without it, all names are listed.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/targets.h"
#include "os/error.h"
#include "text/json.h"

namespace coldload::fuzz {

namespace {

const Target* chosen = nullptr;

int memory_file() {
  static const int k_descriptor = ::memfd_create("input", MFD_CLOEXEC);
  return k_descriptor;
}

bool alike(const text::json::value& one, const text::json::value& other) {
  // What is beyond a double is infinite, which JSON cannot say.
  if (one.is_double() && !std::isfinite(one.as_double())) return true;
  if (one.is_double() && other.is_number()) {
    const double first = one.as_double();
    const double second = other.to_number<double>();
    // The smallest have no 14 digits.
    constexpr double k_smallest = 1e-290;
    return std::abs(first - second) <= std::max(1e-14 * std::abs(second), k_smallest);
  }
  if (one.kind() != other.kind()) return false;
  if (one.is_array()) {
    return std::equal(one.as_array().begin(), one.as_array().end(), other.as_array().begin(),
                      other.as_array().end(), alike);
  }
  if (!one.is_object()) return one == other;
  const auto same = [](const auto& first, const auto& second) {
    return first.key() == second.key() && alike(first.value(), second.value());
  };
  return std::equal(one.as_object().begin(), one.as_object().end(), other.as_object().begin(),
                    other.as_object().end(), same);
}

}  // namespace

void require(bool holds, const char* what) {
  if (holds) return;
  fmt::print(stderr, "{}: not so: {}\n", chosen->name, what);
  std::abort();
}

bool refuses(const std::function<void()>& parse) {
  try {
    parse();
    return false;
  } catch (const os::Error& error) {
    require(error.what()[0] != '\0', "what is refused is refused in words");
    return true;
  }
}

void require_alike(std::string_view one, std::string_view other) {
  std::string error;
  const auto first = text::parse_json(one, &error);
  const auto second = text::parse_json(other, &error);
  require(first && second && alike(*first, *second), "what is written is read as the same");
}

std::vector<std::string_view> pieces_of(std::string_view input) {
  std::vector<std::string_view> pieces;
  while (!input.empty()) {
    const std::size_t size = 1 + static_cast<unsigned char>(input[0]) % 7;
    pieces.push_back(input.substr(0, size));
    input.remove_prefix(pieces.back().size());
  }
  return pieces;
}

std::vector<std::string> lines_of(std::string_view input) {
  std::vector<std::string> lines{""};
  for (const char byte : input) {
    if (byte == '\n') {
      lines.emplace_back();
    } else if (byte != '\0') {
      lines.back() += byte;
    }
  }
  return lines;
}

InputFile::InputFile(std::string_view content) {
  const int file = memory_file();
  require(::ftruncate(file, 0) == 0, "the file is emptied");
  require(::pwrite(file, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()),
          "the file is written");
}

const std::string& InputFile::path() const {
  static const std::string k_path = fmt::format("/proc/self/fd/{}", memory_file());
  return k_path;
}

}  // namespace coldload::fuzz

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  using namespace coldload::fuzz;
  const std::array groups{&k_os_targets,      &k_text_targets,   &k_model_targets,
                          &k_storage_targets, &k_record_targets, &k_process_targets,
                          &k_server_targets};
  const char* const name = std::getenv("COLDLOAD_FUZZ_TARGET");
  for (const auto* const group : groups) {
    for (const Target& target : *group) {
      if (name == nullptr) fmt::print("{}\n", target.name);
      if (name != nullptr && target.name == name) chosen = &target;
    }
  }
  if (chosen != nullptr) return 0;
  if (name != nullptr) fmt::print(stderr, "COLDLOAD_FUZZ_TARGET={}: no such target\n", name);
  std::exit(name == nullptr ? 0 : 2);  // NOLINT(concurrency-mt-unsafe)
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  coldload::fuzz::chosen->try_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
