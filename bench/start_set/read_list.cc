// Reads what a list on stdin names into the page cache, in one of several ways: which of them does
// a start most good is what `run` measures. Lines: OFFSET BYTES PATH.
//
//   read_list WAY THREADS PIECE_BYTES
//   WAY: willneed   posix_fadvise(POSIX_FADV_WILLNEED) in windows of 128 KiB, waits for nothing
//        readahead  readahead(2), likewise
//        pread      pread alone
//        both       willneed of a piece, then pread of it
//        populate   willneed of a piece, then madvise(MADV_POPULATE_READ) of it
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

struct Piece {
  const std::string* path = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

constexpr std::uint64_t k_window = 128 << 10;
constexpr std::uint64_t k_page = 4096;

void read_piece(const std::string& way, const Piece& piece, std::vector<char>& buffer) {
  const int fd = ::open(piece.path->c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const bool waits = way != "willneed" && way != "readahead";
  for (std::uint64_t at = 0; way != "pread" && at < piece.bytes; at += k_window) {
    const auto offset = static_cast<off_t>(piece.offset + at);
    const std::uint64_t bytes = std::min(k_window, piece.bytes - at);
    if (waits && piece.bytes <= k_window) break;  // the waiting asks for it, too
    if (way == "readahead") {
      (void)::readahead(fd, offset, bytes);
    } else {
      (void)::posix_fadvise(fd, offset, static_cast<off_t>(bytes), POSIX_FADV_WILLNEED);
    }
  }
  if (way == "populate") {
    const std::uint64_t begin = piece.offset / k_page * k_page;
    const std::uint64_t length = piece.offset + piece.bytes - begin;
    void* const at = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(begin));
    if (at != MAP_FAILED) {
      (void)::madvise(at, length, MADV_POPULATE_READ);
      (void)::munmap(at, length);
    }
  } else if (waits) {
    for (std::uint64_t at = 0; at < piece.bytes;) {
      const std::uint64_t wanted = std::min<std::uint64_t>(buffer.size(), piece.bytes - at);
      const ssize_t got = ::pread(fd, buffer.data(), wanted, static_cast<off_t>(piece.offset + at));
      if (got <= 0) break;
      at += static_cast<std::uint64_t>(got);
    }
  }
  ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return EXIT_FAILURE;
  const std::string way = argv[1];
  const auto threads = static_cast<unsigned>(std::atoi(argv[2]));
  const auto most = static_cast<std::uint64_t>(std::atoll(argv[3]));
  std::vector<Piece> pieces;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  while (std::cin >> offset >> bytes) {
    auto* const path = new std::string;  // as long as the process
    std::cin.get();
    std::getline(std::cin, *path);
    for (std::uint64_t at = 0; at < bytes; at += most) {
      pieces.push_back({path, offset + at, std::min(most, bytes - at)});
    }
  }
  std::puts("reads");
  std::fflush(stdout);
  const auto began = std::chrono::steady_clock::now();
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> crew;
  for (unsigned i = 0; i < threads; ++i) {
    crew.emplace_back([&] {
      std::vector<char> buffer(256 << 10);
      for (std::size_t at = next++; at < pieces.size(); at = next++) {
        read_piece(way, pieces[at], buffer);
      }
    });
  }
  for (std::thread& thread : crew) thread.join();
  std::printf("%.3f\n",
              std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
}
