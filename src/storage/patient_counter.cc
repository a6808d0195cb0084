#include "storage/patient_counter.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include "os/crew.h"
#include "os/interrupt.h"

namespace coldload::storage {

namespace {

// Owned by the thread, too: one that is left behind keeps it.
struct Questions {
  explicit Questions(ByteCounter of) : counter(std::move(of)) {}

  [[nodiscard]] bool is_idle() const { return asked == answered; }

  const ByteCounter counter;
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t asked = 0;
  std::uint64_t answered = 0;
  std::optional<std::uint64_t> answer;
  bool is_late = false;  // somebody has given up waiting for what is not answered yet
  bool ended = false;
};

void answer_all(Questions& questions) {
  std::unique_lock lock(questions.mutex);
  while (true) {
    questions.changed.wait(lock, [&] { return questions.ended || !questions.is_idle(); });
    if (questions.ended) return;
    lock.unlock();
    std::optional<std::uint64_t> answer = questions.counter();
    lock.lock();
    questions.answer = answer;
    questions.answered = questions.asked;
    questions.is_late = false;
    questions.changed.notify_all();
  }
}

class Asker {
 public:
  Asker(ByteCounter counter, os::Clock::duration patience)
      : questions_(std::make_shared<Questions>(std::move(counter))),
        patience_(patience),
        thread_(1, [questions = questions_](unsigned) { answer_all(*questions); }) {}
  ~Asker() {
    const std::lock_guard lock(questions_->mutex);
    questions_->ended = true;
    questions_->changed.notify_all();
    if (!questions_->is_idle()) thread_.leave_behind();
  }
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;

  std::optional<std::uint64_t> ask() {
    Questions& questions = *questions_;
    std::unique_lock lock(questions.mutex);
    if (questions.is_late) return std::nullopt;
    const os::TimePoint deadline = os::Clock::now() + patience_;
    // One question at a time: an answer to an earlier one would be older than what is asked now.
    if (!wait_for_answers(&lock, deadline)) return std::nullopt;
    ++questions.asked;
    questions.changed.notify_all();
    if (!wait_for_answers(&lock, deadline)) return std::nullopt;
    return questions.answer;
  }

 private:
  bool wait_for_answers(std::unique_lock<std::mutex>* lock, os::TimePoint deadline) {
    constexpr std::chrono::milliseconds k_longest_deaf_to_signals{100};
    while (!questions_->is_idle()) {
      const os::TimePoint now = os::Clock::now();
      if (now >= deadline || os::interrupted()) {
        questions_->is_late = true;
        return false;
      }
      questions_->changed.wait_until(*lock, std::min(deadline, now + k_longest_deaf_to_signals));
    }
    return true;
  }

  std::shared_ptr<Questions> questions_;
  os::Clock::duration patience_;
  os::Crew thread_;  // last: what it uses is there before
};

}  // namespace

ByteCounter patient_counter(ByteCounter counter, os::Clock::duration patience) {
  return [asker = std::make_shared<Asker>(std::move(counter), patience)] { return asker->ask(); };
}

}  // namespace coldload::storage
