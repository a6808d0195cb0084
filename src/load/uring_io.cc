#include "load/uring_io.h"

#include <cassert>
#include <cerrno>

#include <fmt/format.h>
#include <sys/uio.h>

#include "os/error.h"

namespace coldload::load {

os::Availability io_uring_availability() {
  io_uring ring{};
  const int error = -::io_uring_queue_init(1, &ring, 0);
  if (error != 0) {
    return {false, fmt::format("io_uring refused by the kernel ({}); a container's seccomp profile "
                               "or kernel.io_uring_disabled may forbid it",
                               os::error_text(error))};
  }
  io_uring_probe* probe = ::io_uring_get_probe_ring(&ring);
  const bool reads = probe != nullptr && ::io_uring_opcode_supported(probe, IORING_OP_READ) != 0;
  ::io_uring_free_probe(probe);
  ::io_uring_queue_exit(&ring);
  if (!reads) return {false, "io_uring of this kernel has no plain read (Linux 5.6 brought it)"};
  return {true, ""};
}

UringIo::UringIo(const Layout& layout, std::span<std::byte> memory)
    : slot_bytes_(layout.slot_bytes), memory_(memory), slots_(layout.slots, Registered::not_yet) {
  const int error = -::io_uring_queue_init(layout.slots, &ring_, 0);
  if (error != 0) throw os::SystemError("set up io_uring", "", error);
  if (::io_uring_register_buffers_sparse(&ring_, layout.slots) == 0) {
    registers_ = registered(0);
    return;
  }
  // Before Linux 5.19 all buffers are registered together.
  std::vector<iovec> all;
  for (unsigned i = 0; i < layout.slots; ++i) {
    all.push_back({memory_.data() + i * slot_bytes_, slot_bytes_});
  }
  registers_ = ::io_uring_register_buffers(&ring_, all.data(), layout.slots) == 0;
  slots_.assign(layout.slots, registers_ ? Registered::yes : Registered::refused);
}

bool UringIo::registered(unsigned slot) {
  if (slots_[slot] == Registered::not_yet) {
    const iovec buffer{memory_.data() + slot * slot_bytes_, slot_bytes_};
    __u64 tag = 0;
    const int count = ::io_uring_register_buffers_update_tag(&ring_, slot, &buffer, &tag, 1);
    slots_[slot] = count == 1 ? Registered::yes : Registered::refused;
  }
  return slots_[slot] == Registered::yes;
}

UringIo::~UringIo() {
  // The kernel writes into our memory until each read is done.
  while (in_flight_ > 0) {
    io_uring_cqe* entry = nullptr;
    const int error = -::io_uring_wait_cqe(&ring_, &entry);
    if (error == EINTR) continue;
    if (error != 0) break;
    ::io_uring_cqe_seen(&ring_, entry);
    --in_flight_;
  }
  ::io_uring_queue_exit(&ring_);
}

void UringIo::submit(const ReadRequest& request) {
  const bool in_ring = request.memory.data() >= memory_.data() &&
                       request.memory.data() < memory_.data() + memory_.size();
  const bool fixed = in_ring && registered(request.slot);
  io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
  assert(entry != nullptr);  // submitted one by one, so there is always one
  const auto bytes = static_cast<unsigned>(request.memory.size());
  if (fixed) {
    ::io_uring_prep_read_fixed(entry, request.fd, request.memory.data(), bytes, request.offset,
                               static_cast<int>(request.slot));
  } else {
    ::io_uring_prep_read(entry, request.fd, request.memory.data(), bytes, request.offset);
  }
  // A buffered read would be copied, and waited for, inside the submitting call.
  if (request.buffered) ::io_uring_sqe_set_flags(entry, IOSQE_ASYNC);
  ::io_uring_sqe_set_data64(entry, request.slot);
  int submitted = 0;
  do {
    submitted = ::io_uring_submit(&ring_);
  } while (submitted == -EINTR || submitted == -EAGAIN);
  if (submitted < 0) throw os::SystemError("submit a read to io_uring", "", -submitted);
  ++in_flight_;
}

std::optional<ReadOutcome> UringIo::finished(Wait wait) {
  io_uring_cqe* entry = nullptr;
  while (true) {
    const int error = wait == Wait::yes && in_flight_ > 0 ? -::io_uring_wait_cqe(&ring_, &entry)
                                                          : -::io_uring_peek_cqe(&ring_, &entry);
    if (error == 0) break;
    if (error == EAGAIN) return std::nullopt;
    if (error != EINTR) throw os::SystemError("wait for io_uring", "", error);
  }
  const ReadOutcome outcome{static_cast<unsigned>(::io_uring_cqe_get_data64(entry)), entry->res};
  ::io_uring_cqe_seen(&ring_, entry);
  --in_flight_;
  return outcome;
}

}  // namespace coldload::load
