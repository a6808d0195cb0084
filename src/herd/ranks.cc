#include "herd/ranks.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/interrupt.h"

namespace coldload::herd {

namespace {

using std::chrono::nanoseconds;

constexpr int k_text = 1;  // tags
constexpr int k_clock = 2;

enum class Pace { sleeping, eager };

// Looks until `done`; false where that takes longer than `limit`. Throws OutOfStep on an interrupt.
bool wait_until(const std::function<bool()>& done, nanoseconds limit, Pace pace = Pace::sleeping) {
  constexpr std::chrono::microseconds k_shortest{20};
  constexpr std::chrono::milliseconds k_longest{2};
  const os::TimePoint give_up = os::Clock::now() + limit;
  nanoseconds pause = k_shortest;
  while (!done()) {
    if (os::interrupted()) throw OutOfStep("interrupted");
    if (os::Clock::now() > give_up) return false;
    if (pace == Pace::eager) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(pause);
      pause = std::min<nanoseconds>(2 * pause, k_longest);
    }
  }
  return true;
}

bool is_complete(MPI_Request* request) {
  int flag = 0;
  MPI_Test(request, &flag, MPI_STATUS_IGNORE);
  return flag != 0;
}

// A text on its way to this rank.
class Arrival {
 public:
  explicit Arrival(int from) : from_(from) {}

  // Looks; whether all of it is here.
  bool look() {
    if (request_ == MPI_REQUEST_NULL && !begun_) {
      int is_there = 0;
      MPI_Message message = MPI_MESSAGE_NULL;
      MPI_Status status;
      MPI_Improbe(from_, k_text, MPI_COMM_WORLD, &is_there, &message, &status);
      if (is_there == 0) return false;
      int bytes = 0;
      MPI_Get_count(&status, MPI_BYTE, &bytes);
      text_.resize(static_cast<std::size_t>(bytes));
      MPI_Imrecv(text_.data(), bytes, MPI_BYTE, &message, &request_);
      begun_ = true;
    }
    return is_complete(&request_);
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  int from_;
  bool begun_ = false;
  MPI_Request request_ = MPI_REQUEST_NULL;
  std::string text_;
};

std::int64_t now_ns() {
  return std::chrono::duration_cast<nanoseconds>(os::Clock::now().time_since_epoch()).count();
}

// A few numbers, at once: the shorter the way, the better the clock is known.
using Stamps = std::array<std::int64_t, 3>;

void send_stamps(int to, const Stamps& stamps, nanoseconds limit) {
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Isend(stamps.data(), static_cast<int>(sizeof stamps), MPI_BYTE, to, k_clock, MPI_COMM_WORLD,
            &request);
  if (wait_until([&] { return is_complete(&request); }, limit, Pace::eager)) return;
  throw OutOfStep("the clocks could not be compared in time");
}

Stamps receive_stamps(int from, nanoseconds limit, Pace pace) {
  Stamps stamps{};
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Irecv(stamps.data(), static_cast<int>(sizeof stamps), MPI_BYTE, from, k_clock, MPI_COMM_WORLD,
            &request);
  try {
    if (wait_until([&] { return is_complete(&request); }, limit, pace)) return stamps;
  } catch (const OutOfStep&) {
    MPI_Cancel(&request);  // `stamps` is gone with this call
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    throw;
  }
  MPI_Cancel(&request);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
  throw OutOfStep("the clocks could not be compared in time");
}

// The first rank's side. Of several round trips the shortest tells best; its error is half of it
// (Cristian 1989).
ClockOffset clock_of(int rank, nanoseconds limit) {
  constexpr int k_round_trips = 30;
  ClockOffset best;
  for (int i = 0; i < k_round_trips; ++i) {
    const std::int64_t sent = now_ns();
    send_stamps(rank, {0, 0, 0}, limit);
    const Stamps answer = receive_stamps(rank, limit, Pace::eager);
    const std::int64_t came = now_ns();
    const nanoseconds error((came - sent) / 2);
    if (i > 0 && error >= best.error_most) continue;
    best = {nanoseconds(answer[0] - sent - (came - sent) / 2), error};
  }
  return best;
}

// What mpirun sets would have a server believe that it is one of several ranks.
void forget_launcher() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    for (const std::string_view prefix :
         {"OMPI_", "PRTE_", "PMIX_", "PMI_", "HYDRA_", "HYDI_", "MPIR_", "MPI_LOCAL", "MV2_",
          "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS", "SLURM_NPROCS"}) {
      if (text.starts_with(prefix)) names.emplace_back(text.substr(0, text.find('=')));
    }
  }
  for (const std::string& name : names) ::unsetenv(name.c_str());
}

// mpirun binds each rank to a core or a socket, and what a rank starts would be bound, too: no
// server starts so. What is not this process's to use the kernel leaves out.
void take_all_processors() {
  constexpr int k_most = 8192;
  const std::size_t bytes = CPU_ALLOC_SIZE(k_most);
  cpu_set_t* const all = CPU_ALLOC(k_most);
  if (all == nullptr) return;
  CPU_ZERO_S(bytes, all);
  for (int cpu = 0; cpu < k_most; ++cpu) CPU_SET_S(static_cast<std::size_t>(cpu), bytes, all);
  (void)::sched_setaffinity(0, bytes, all);
  CPU_FREE(all);
}

}  // namespace

Ranks::Ranks() {
  int provided = 0;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
    throw os::Error("MPI does not start");
  }
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  forget_launcher();
  take_all_processors();
}

Ranks::~Ranks() { MPI_Finalize(); }

void Ranks::end_all(int exit_code) {
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  ::_exit(exit_code);
}

std::string Ranks::name_of(int rank) const {
  const auto index = static_cast<std::size_t>(rank);
  return index < hosts_.size() ? fmt::format("rank {} ({})", rank, hosts_[index])
                               : fmt::format("rank {}", rank);
}

void Ranks::send(int to, const std::string& text, nanoseconds limit) const {
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Isend(text.data(), static_cast<int>(text.size()), MPI_BYTE, to, k_text, MPI_COMM_WORLD,
            &request);
  if (!wait_until([&] { return is_complete(&request); }, limit)) {
    throw OutOfStep(name_of(to) + " takes no message");
  }
}

std::string Ranks::receive(int from, nanoseconds limit) const {
  Arrival arrival(from);
  if (!wait_until([&] { return arrival.look(); }, limit)) {
    throw OutOfStep(fmt::format("{} does not answer", name_of(from)));
  }
  return arrival.take();
}

std::vector<std::string> Ranks::gather(const std::string& mine, nanoseconds limit) const {
  if (!is_first()) {
    send(0, mine, limit);
    return {};
  }
  std::vector<Arrival> arrivals;
  std::vector<int> missing;
  for (int rank = 1; rank < size_; ++rank) {
    arrivals.emplace_back(rank);
    missing.push_back(rank);
  }
  const bool came = wait_until(
      [&] {
        std::erase_if(
            missing, [&](int rank) { return arrivals[static_cast<std::size_t>(rank) - 1].look(); });
        return missing.empty();
      },
      limit);
  if (!came) {
    std::vector<std::string> names;
    names.reserve(missing.size());
    for (const int rank : missing) names.push_back(name_of(rank));
    throw OutOfStep(
        fmt::format("{} {} not answer", fmt::join(names, ", "), names.size() == 1 ? "does" : "do"));
  }
  std::vector<std::string> all{mine};
  for (Arrival& arrival : arrivals) all.push_back(arrival.take());
  return all;
}

std::string Ranks::tell(const std::string& text, nanoseconds limit) const {
  if (!is_first()) return receive(0, 2 * limit);
  for (int rank = 1; rank < size_; ++rank) send(rank, text, limit);
  return text;
}

ClockOffset Ranks::compare_clocks(nanoseconds limit) const {
  ClockOffset own;
  if (is_first()) {
    for (int rank = 1; rank < size_; ++rank) {
      const ClockOffset offset = clock_of(rank, limit);
      send_stamps(rank, {1, offset.ahead.count(), offset.error_most.count()}, limit);
    }
  } else {
    Pace pace = Pace::sleeping;  // while it is others' turn
    for (;;) {
      const Stamps asked = receive_stamps(0, limit, pace);
      if (asked[0] == 1) {
        own = {nanoseconds(asked[1]), nanoseconds(asked[2])};
        break;
      }
      send_stamps(0, {now_ns(), 0, 0}, limit);
      pace = Pace::eager;
    }
  }
  return own;
}

}  // namespace coldload::herd
