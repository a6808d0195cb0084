#include "os/crew.h"

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "os/error.h"
#include "os/own_limits.h"

namespace coldload::os {

// Owned by every thread, too: one that is left behind keeps it.
struct Crew::Shared {
  explicit Shared(Body work) : body(std::move(work)) {}

  enum class Start { waiting, go, cancelled };

  void begin(Start how, unsigned count);
  void serve(unsigned index) noexcept;

  const Body body;
  std::mutex mutex;
  std::condition_variable changed;
  Start start = Start::waiting;
  unsigned running = 0;
  std::exception_ptr problem;
};

void Crew::Shared::begin(Start how, unsigned count) {
  const std::lock_guard lock(mutex);
  start = how;
  running = count;
  changed.notify_all();
}

void Crew::Shared::serve(unsigned index) noexcept {
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return start != Start::waiting; });
    if (start == Start::cancelled) return;
  }
  std::exception_ptr thrown;
  try {
    body(index);
  } catch (...) {
    thrown = std::current_exception();
  }
  const std::lock_guard lock(mutex);
  if (!problem) problem = thrown;
  --running;
  changed.notify_all();
}

Crew::Crew(CrewSize size, Body body) : shared_(std::make_shared<Shared>(std::move(body))) {
  threads_.reserve(size.wanted);
  const auto cancel = [this] {
    shared_->begin(Shared::Start::cancelled, 0);
    join();
  };
  try {
    while (threads_.size() < size.wanted) {
      threads_.emplace_back([shared = shared_, index = this->size()] { shared->serve(index); });
    }
  } catch (const std::system_error& error) {
    const unsigned had = this->size();
    if (had < size.least) {
      cancel();
      throw Error(fmt::format("cannot start {} thread{}: {} (after {}){}", size.wanted,
                              size.wanted == 1 ? "" : "s", error_text(error.code().value()), had,
                              suspected_process_limit()));
    }
  } catch (...) {
    cancel();
    throw;
  }
  shared_->begin(Shared::Start::go, this->size());
}

Crew::~Crew() {
  for (std::thread& thread : threads_) thread.join();
}

Crew& Crew::operator=(Crew&& other) noexcept {
  Crew before(std::move(*this));  // waits for its threads
  shared_ = std::move(other.shared_);
  threads_ = std::exchange(other.threads_, {});
  return *this;
}

bool Crew::wait_until(TimePoint deadline) const {
  if (!shared_) return true;
  std::unique_lock lock(shared_->mutex);
  return shared_->changed.wait_until(lock, deadline, [this] { return shared_->running == 0; });
}

std::exception_ptr Crew::problem() const {
  if (!shared_) return nullptr;
  const std::lock_guard lock(shared_->mutex);
  return shared_->problem;
}

void Crew::join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  if (const std::exception_ptr thrown = problem()) std::rethrow_exception(thrown);
}

void Crew::leave_behind() noexcept {
  for (std::thread& thread : threads_) thread.detach();
  threads_.clear();
}

void Crew::send_signal(int number) noexcept {
  for (std::thread& thread : threads_) ::pthread_kill(thread.native_handle(), number);
}

}  // namespace coldload::os
