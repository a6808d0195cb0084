#include "cli/figures_file.h"

#include <chrono>
#include <exception>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "cli/console.h"
#include "os/file.h"

namespace coldload::cli {

struct FiguresFile::Shared {
  std::string path;
  std::mutex mutex;
  std::condition_variable idle;
  std::optional<std::string> next;  // to be written
  bool writing = false;

  void write_all() {
    std::unique_lock lock(mutex);
    while (next) {
      const std::string text = *std::exchange(next, std::nullopt);
      lock.unlock();
      try {
        os::replace_text(path, text);
      } catch (const std::exception& error) {
        print_err_if_taken("coldload: {}\n", std::string(error.what()));
      }
      lock.lock();
    }
    writing = false;
    idle.notify_all();
  }
};

FiguresFile::FiguresFile(std::string path) : shared_(std::make_shared<Shared>()) {
  shared_->path = std::move(path);
}

FiguresFile::~FiguresFile() {
  std::unique_lock lock(shared_->mutex);
  shared_->idle.wait_for(lock, std::chrono::seconds(1), [this] { return !shared_->writing; });
}

void FiguresFile::put(const run::StartFigures& figures) {
  if (shared_->path.empty()) return;
  const std::lock_guard lock(shared_->mutex);
  shared_->next =
      shared_->path.ends_with(".prom") ? run::to_prometheus(figures) : run::to_json_line(figures);
  if (std::exchange(shared_->writing, true)) return;
  try {
    std::thread([shared = shared_] { shared->write_all(); }).detach();
  } catch (const std::system_error&) {
    shared_->writing = false;  // no thread to be had: the server is what matters
  }
}

}  // namespace coldload::cli
