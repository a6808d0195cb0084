#include "os/signal_inbox.h"

#include <cerrno>
#include <csignal>

#include <sys/signalfd.h>
#include <unistd.h>

#include "os/error.h"

namespace coldload::os {

SignalInbox::SignalInbox() {
  sigset_t wanted;
  ::sigfillset(&wanted);
  for (const int number : {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS, SIGPIPE,
                           SIGTSTP, SIGTTIN, SIGTTOU}) {
    ::sigdelset(&wanted, number);
  }
  if (::sigprocmask(SIG_BLOCK, &wanted, nullptr) != 0)
    throw SystemError("block signals", "", errno);
  fd_ = Fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
  if (!fd_.valid()) throw SystemError("create a signalfd", "", errno);
}

std::optional<SignalArrival> SignalInbox::take() {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) {
    return std::nullopt;
  }
  SignalArrival arrival;
  arrival.number = static_cast<int>(info.ssi_signo);
  const bool of_terminal =
      arrival.number == SIGINT || arrival.number == SIGQUIT || arrival.number == SIGWINCH;
  arrival.from_terminal = of_terminal && info.ssi_code == SI_KERNEL;
  return arrival;
}

}  // namespace coldload::os
