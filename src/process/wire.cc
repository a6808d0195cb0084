#include "process/wire.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include "os/error.h"

namespace coldload::process {

namespace {

template <auto Free>
struct Freed {
  template <typename Object>
  void operator()(Object* object) const {
    Free(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Freed<&::SSL_CTX_free>>;

[[noreturn]] void refuse_tls() { throw os::Error("cannot speak TLS: no memory for it"); }

// Ours, or one that the machine's certificates prove.
enum class Peer { ours, proven };

Context make_context(Peer peer) {
  // The machine's configuration of OpenSSL is for another build of it than the one in here.
  ::OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  Context context(::SSL_CTX_new(::TLS_client_method()));
  if (!context) refuse_tls();
  ::SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (peer == Peer::proven) {
    ::SSL_CTX_set_default_verify_paths(context.get());
    ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  } else {
    ::SSL_CTX_set_security_level(context.get(), 0);  // a short key will do
  }
  return context;
}

SSL_CTX* context_for(Peer peer) {
  static const Context k_ours = make_context(Peer::ours);
  static const Context k_proven = make_context(Peer::proven);
  return peer == Peer::ours ? k_ours.get() : k_proven.get();
}

int length_of(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

}  // namespace

// Memory lies between OpenSSL and the socket: its own writes would raise SIGPIPE.
struct Wire::Tls {
  std::unique_ptr<SSL, Freed<&::SSL_free>> session;
  BIO* in = nullptr;   // what came; the session's
  BIO* out = nullptr;  // what is to go; the session's
  std::string unsent;
};

Wire::Wire() = default;
Wire::~Wire() = default;
Wire::Wire(Wire&& other) noexcept = default;
Wire& Wire::operator=(Wire&& other) noexcept = default;

Wire::Wire(os::Fd socket, const ReadyUrl& url) : socket_(std::move(socket)) {
  if (url.security == Security::none) return;
  const Peer peer = is_of_this_machine(url) ? Peer::ours : Peer::proven;
  tls_ = std::make_unique<Tls>();
  tls_->session.reset(::SSL_new(context_for(peer)));
  SSL* const session = tls_->session.get();
  tls_->in = ::BIO_new(::BIO_s_mem());
  tls_->out = ::BIO_new(::BIO_s_mem());
  if (session == nullptr || tls_->in == nullptr || tls_->out == nullptr) {
    ::BIO_free(tls_->in);
    ::BIO_free(tls_->out);
    refuse_tls();
  }
  ::SSL_set_bio(session, tls_->in, tls_->out);
  ::SSL_set_connect_state(session);
  if (!needs_no_name_server(url)) {
    SSL_set_tlsext_host_name(session, url.host.c_str());
    ::SSL_set1_host(session, url.host.c_str());
  }
}

// Passes on what OpenSSL has written, as far as the socket takes it.
bool Wire::flush() {
  std::array<char, 4096> chunk{};
  for (int got = 0; (got = ::BIO_read(tls_->out, chunk.data(), chunk.size())) > 0;) {
    tls_->unsent.append(chunk.data(), static_cast<std::size_t>(got));
  }
  while (!tls_->unsent.empty()) {
    const ssize_t put =
        ::send(socket_.get(), tls_->unsent.data(), tls_->unsent.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno == EAGAIN;
    tls_->unsent.erase(0, static_cast<std::size_t>(put));
  }
  return true;
}

// As recv(2), into OpenSSL's hands.
ssize_t Wire::fill() {
  std::array<char, 16384> chunk{};
  const ssize_t got = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
  if (got > 0) ::BIO_write(tls_->in, chunk.data(), length_of(static_cast<std::size_t>(got)));
  return got;
}

ssize_t Wire::receive(char* buffer, std::size_t size) {
  if (!tls_) return ::recv(socket_.get(), buffer, size, 0);
  while (true) {
    ::ERR_clear_error();
    const int got = ::SSL_read(tls_->session.get(), buffer, length_of(size));
    const int why = ::SSL_get_error(tls_->session.get(), got);
    if (!flush()) return -1;
    if (got > 0) return got;
    if (why == SSL_ERROR_ZERO_RETURN) return 0;
    if (why != SSL_ERROR_WANT_READ) {
      errno = EPROTO;
      return -1;
    }
    if (const ssize_t came = fill(); came <= 0) return came;
  }
}

ssize_t Wire::send(std::string_view text) {
  if (!tls_) return ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
  while (true) {
    ::ERR_clear_error();
    const int put = ::SSL_write(tls_->session.get(), text.data(), length_of(text.size()));
    const int why = ::SSL_get_error(tls_->session.get(), put);
    if (!flush()) return -1;
    if (put > 0) return put;
    if (why != SSL_ERROR_WANT_READ) {
      errno = EPROTO;
      return -1;
    }
    const ssize_t came = fill();
    if (came == 0) errno = ECONNRESET;
    if (came <= 0) return -1;
  }
}

short Wire::events(short plain) const {
  if (!tls_) return plain;
  return static_cast<short>(tls_->unsent.empty() ? POLLIN : POLLIN | POLLOUT);
}

bool Wire::holds_more() const {
  return tls_ && (::SSL_pending(tls_->session.get()) > 0 || BIO_pending(tls_->in) > 0);
}

}  // namespace coldload::process
