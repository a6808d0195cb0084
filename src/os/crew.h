// Threads that begin together and have one owner.
//
// Where a limit on processes refuses the third of eight threads, two are there already: they must
// end, and be joined, before anybody hears of it. So no thread begins its work before all exist.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "os/clock.h"

namespace coldload::os {

struct CrewSize {
  unsigned wanted = 0;
  unsigned least = 0;  // fewer than this are an error; 0: none will do, too
};

// Not thread-safe.
class Crew {
 public:
  // What each thread does; its number is below size(). An exception ends that thread alone: see
  // join().
  using Body = std::function<void(unsigned)>;

  // Nobody.
  Crew() = default;
  // Throws os::Error where the threads cannot be had; `body` has then run in none of them.
  Crew(CrewSize size, Body body);
  Crew(unsigned count, Body body) : Crew(CrewSize{count, count}, std::move(body)) {}
  // Waits for the threads: whoever owns the crew tells them to end before. What they threw is lost.
  ~Crew();
  Crew(Crew&& other) noexcept = default;
  Crew& operator=(Crew&& other) noexcept;
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Threads that were started and are still this crew's: 0 after join() and leave_behind().
  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(threads_.size()); }
  // Waits until every thread is through with its body; false where one is not at `deadline`.
  [[nodiscard]] bool wait_until(TimePoint deadline) const;
  // What was thrown first, so far; null where nothing was.
  [[nodiscard]] std::exception_ptr problem() const;
  // Waits for all threads, then rethrows what was thrown first.
  void join();
  // Leaves the threads to themselves, with `body` and all that it owns: for those that hang in the
  // kernel. A program of its own should then _exit.
  void leave_behind() noexcept;
  // Sends a signal to each thread, those that are through included.
  void send_signal(int number) noexcept;

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;
  std::vector<std::thread> threads_;
};

}  // namespace coldload::os
