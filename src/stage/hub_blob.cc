#include "stage/hub_blob.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/interrupt.h"
#include "os/mapping.h"
#include "stage/bounded_threads.h"

namespace coldload::stage {

namespace {

constexpr std::size_t k_piece_bytes = std::size_t{1} << 20;

bool is_sha256(const std::string& name) {
  constexpr std::size_t k_digits = 64;
  return name.size() == k_digits && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

std::string promised_sha256(const std::string& path) {
  namespace fs = std::filesystem;
  constexpr int k_most_links = 40;  // the kernel follows no more (path_resolution(7))
  fs::path at = path;
  for (int links = 0; links <= k_most_links; ++links) {
    std::string name = at.filename().string();
    if (is_sha256(name) && at.parent_path().filename() == "blobs") return name;
    std::error_code none;
    const fs::path target = fs::read_symlink(at, none);
    if (none) break;
    at = at.parent_path() / target;
  }
  return "";
}

std::string sha256_of(const os::Fd& file) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  const auto must = [&](int done) {
    if (done != 1) throw os::Error(fmt::format("cannot compute the SHA-256 of {}", file.path()));
  };
  must(context != nullptr ? 1 : 0);
  must(EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr));
  const os::Mapping buffer = os::Mapping::anonymous(k_piece_bytes);
  for (std::uint64_t at = 0; !os::interrupted();) {
    const std::size_t got = os::pread_full(file, buffer.bytes(), at);
    if (got == 0) break;
    must(EVP_DigestUpdate(context.get(), buffer.data(), got));
    at += got;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  must(EVP_DigestFinal_ex(context.get(), digest.data(), &size));
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

HubCheck check_hub_blobs(const SourceTree& tree, std::shared_ptr<const os::Directory> copy,
                         unsigned threads) {
  struct Promise {
    std::string name;
    std::string sha256;
  };
  struct Shared {
    std::vector<Promise> files;
    std::shared_ptr<const os::Directory> copy;
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    HubCheck check;
  };
  const auto shared = std::make_shared<Shared>();
  shared->copy = std::move(copy);
  for (const SourceFile& file : tree.files) {
    std::string sha256 = promised_sha256(tree.root + "/" + file.name);
    if (!sha256.empty()) shared->files.push_back({file.name, std::move(sha256)});
  }
  const auto count = static_cast<unsigned>(std::min<std::size_t>(threads, shared->files.size()));
  if (count == 0) return {};
  run_bounded(
      count, [](const Calls&) { return os::interrupted(); },
      [shared](unsigned, os::PendingCall&) {
        for (;;) {
          const std::size_t index = shared->next++;
          if (index >= shared->files.size() || os::interrupted()) return;
          const Promise& file = shared->files[index];
          const std::string found =
              sha256_of(shared->copy->open_file(file.name, O_RDONLY | O_NONBLOCK));
          const std::lock_guard lock(shared->mutex);
          ++shared->check.checked;
          if (found == file.sha256 || os::interrupted()) continue;
          shared->check.problems.push_back(fmt::format(
              "{} has the SHA-256 {}, its blob's name says {}", file.name, found, file.sha256));
        }
      });
  throw_if_interrupted();
  std::sort(shared->check.problems.begin(), shared->check.problems.end());
  return shared->check;
}

}  // namespace coldload::stage
