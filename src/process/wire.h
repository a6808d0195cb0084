// One connection's bytes, as they are or through TLS, over a socket whose calls do not wait.
//
// A server that was launched here is believed whatever its certificate says: whose process answers
// is looked up, not proven by a signature. Any other host's certificate must be one that this
// machine trusts.
//
// Layer: process. Knows nothing of HTTP.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "os/fd.h"
#include "process/ready_url.h"

namespace coldload::process {

class Wire {
 public:
  Wire();  // none
  // Of a socket that is connected, or being connected, to where the URL points. Throws os::Error
  // where TLS is wanted and there is no memory for it.
  Wire(os::Fd socket, const ReadyUrl& url);
  ~Wire();
  Wire(Wire&& other) noexcept;
  Wire& operator=(Wire&& other) noexcept;

  [[nodiscard]] const os::Fd& socket() const { return socket_; }
  // As recv(2) and send(2): -1 with errno, which is EPROTO where the peer does not speak TLS or is
  // not to be trusted. EAGAIN: once the socket polls events(), again with the same bytes. Of a text
  // all is taken, or what the socket has room for.
  [[nodiscard]] ssize_t receive(char* buffer, std::size_t size);
  [[nodiscard]] ssize_t send(std::string_view text);
  // What to poll for after EAGAIN; `plain`: where there is no TLS.
  [[nodiscard]] short events(short plain) const;
  // Something is there to be received that poll(2) does not know of.
  [[nodiscard]] bool holds_more() const;

 private:
  struct Tls;

  [[nodiscard]] bool flush();
  [[nodiscard]] ssize_t fill();

  os::Fd socket_;
  std::unique_ptr<Tls> tls_;  // null: bytes as they are
};

}  // namespace coldload::process
