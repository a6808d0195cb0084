// The functions of include/coldload.h: handles, and exceptions as statuses. Nothing is thrown out
// of here. All in one file, which the linker takes as a whole.
//
// Layer: api.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <coldload.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include "api/dlpack.h"
#include "api/opened.h"
#include "api/plan.h"
#include "api/session.h"
#include "model/dtype.h"
#include "os/error.h"

namespace api = coldload::api;
namespace os = coldload::os;

struct coldload_checkpoint {
  std::shared_ptr<const api::Opened> opened;
  std::vector<coldload_tensor> tensors;  // views of it
};

struct coldload_load {
  std::optional<api::Session> session;
  pid_t process = 0;
};

struct coldload_memory {
  api::Landed landed;
  pid_t process = 0;
};

namespace {

thread_local std::string last_error;
thread_local int last_errno = 0;

class InvalidArgument : public os::Error {
  using os::Error::Error;
};

coldload_status fail(coldload_status status, const char* what, int number) noexcept {
  try {
    last_error = what;
  } catch (...) {
    last_error.clear();
  }
  last_errno = number;
  return status;
}

// What `body` returns, or why it threw.
template <class Body>
coldload_status guarded(const Body& body) noexcept {
  try {
    return body();
  } catch (const api::PlanError& error) {
    return fail(COLDLOAD_INVALID, error.what(), EINVAL);
  } catch (const InvalidArgument& error) {
    return fail(COLDLOAD_INVALID, error.what(), EINVAL);
  } catch (const os::SystemError& error) {
    return fail(COLDLOAD_FAILED, error.what(), error.code());
  } catch (const std::bad_alloc&) {
    return fail(COLDLOAD_FAILED, "out of memory", ENOMEM);
  } catch (const std::exception& error) {
    return fail(COLDLOAD_FAILED, error.what(), 0);
  } catch (...) {
    return fail(COLDLOAD_FAILED, "unknown error", 0);
  }
}

template <class Pointer>
void require(Pointer pointer, const char* name) {
  if (pointer == nullptr) throw InvalidArgument(fmt::format("{} is NULL", name));
}

coldload_checkpoint* new_checkpoint(std::shared_ptr<const api::Opened> opened) {
  auto checkpoint = std::make_unique<coldload_checkpoint>();
  checkpoint->tensors.reserve(opened->tensors.size());
  for (const api::Tensor& tensor : opened->tensors) {
    // A view of a literal: a zero follows it.
    checkpoint->tensors.push_back({tensor.name.c_str(), tensor.name.size(),
                                   coldload::model::name_of(tensor.dtype).data(),
                                   tensor.shape.data(), tensor.shape.size(), tensor.bytes(),
                                   opened->files[tensor.file].path.c_str(), tensor.begin});
  }
  checkpoint->opened = std::move(opened);
  return checkpoint.release();
}

// The caller's, perhaps older and shorter than ours.
coldload_options options_of(const coldload_options* given) {
  coldload_options options{};
  options.gpu = -1;
  if (given == nullptr) return options;
  if (given->size < sizeof(std::size_t) + sizeof(std::int32_t) || given->size > sizeof options) {
    throw InvalidArgument(fmt::format(
        "coldload_options of {} bytes: this library knows {}; set .size, or take the library that "
        "the program was built for",
        given->size, sizeof options));
  }
  std::memcpy(&options, given, given->size);
  return options;
}

api::SessionOptions session_options(const coldload_options& options) {
  api::SessionOptions session;
  if (options.gpu >= 0) session.gpu = options.gpu;
  session.threads = options.threads;
  session.ring_bytes = options.ring_bytes;
  session.window_bytes = options.window_bytes;
  session.ranks = options.ranks > 1 ? options.ranks : 1;
  session.rank = options.rank;
  if (session.rank >= session.ranks && session.rank > 0) {
    throw InvalidArgument(
        fmt::format("rank {} of {}: ranks count from 0", options.rank, options.ranks));
  }
  if (options.parts == nullptr) return session;
  session.parts.emplace();
  for (std::size_t i = 0; i < options.part_count; ++i) {
    const coldload_part& part = options.parts[i];
    session.parts->push_back({part.tensor, part.first, {}});
    if (part.count != COLDLOAD_TO_THE_END) session.parts->back().count = part.count;
  }
  return session;
}

api::Session& session_of(coldload_load* load) {
  require(load, "the load");
  if (load->process != ::getpid()) {
    throw InvalidArgument(
        "this load was started before a fork: its threads are in the parent alone; start it in the "
        "process that uses it");
  }
  return *load->session;
}

}  // namespace

uint32_t coldload_abi(void) { return COLDLOAD_ABI; }

const char* coldload_version(void) { return COLDLOAD_VERSION; }

const char* coldload_error(void) { return last_error.c_str(); }

int coldload_error_number(void) { return last_errno; }

coldload_status coldload_open(const char* path, coldload_checkpoint** checkpoint) {
  return guarded([&] {
    require(path, "the path");
    require(checkpoint, "the place for the checkpoint");
    *checkpoint = new_checkpoint(api::open_path(path));
    return COLDLOAD_OK;
  });
}

coldload_status coldload_open_files(const char* const* paths, size_t count,
                                    coldload_checkpoint** checkpoint) {
  return guarded([&] {
    require(checkpoint, "the place for the checkpoint");
    std::vector<std::string> files;
    for (std::size_t i = 0; i < count; ++i) {
      require(paths, "the list of paths");
      require(paths[i], "a path");
      files.emplace_back(paths[i]);
    }
    *checkpoint = new_checkpoint(api::open_files(files));
    return COLDLOAD_OK;
  });
}

void coldload_close(coldload_checkpoint* checkpoint) { delete checkpoint; }

size_t coldload_tensor_count(const coldload_checkpoint* checkpoint) {
  return checkpoint == nullptr ? 0 : checkpoint->tensors.size();
}

const coldload_tensor* coldload_tensor_at(const coldload_checkpoint* checkpoint, size_t number) {
  if (number >= coldload_tensor_count(checkpoint)) return nullptr;
  return &checkpoint->tensors[number];
}

coldload_status coldload_start(const coldload_checkpoint* checkpoint,
                               const coldload_options* options, coldload_load** load) {
  return guarded([&] {
    require(checkpoint, "the checkpoint");
    require(load, "the place for the load");
    auto started = std::make_unique<coldload_load>();
    started->process = ::getpid();
    started->session.emplace(checkpoint->opened, session_options(options_of(options)));
    *load = started.release();
    return COLDLOAD_OK;
  });
}

coldload_status coldload_next(coldload_load* load, uint32_t timeout_ms,
                              coldload_tensor_memory* tensors, size_t capacity, size_t* count) {
  return guarded([&] {
    require(count, "the place for the count");
    *count = 0;
    api::Session& session = session_of(load);
    require(tensors, "the place for the tensors");
    if (capacity == 0) throw InvalidArgument("there is room for no tensor");
    std::vector<api::Landed> landed;
    switch (session.next(std::chrono::milliseconds(timeout_ms), capacity, &landed)) {
      case api::Session::Outcome::done:
        return COLDLOAD_DONE;
      case api::Session::Outcome::waiting:
        return COLDLOAD_WAITING;
      case api::Session::Outcome::landed:
        break;
    }
    std::vector<std::unique_ptr<coldload_memory>> handles;
    handles.reserve(landed.size());
    for (api::Landed& one : landed) {
      handles.push_back(
          std::make_unique<coldload_memory>(coldload_memory{std::move(one), ::getpid()}));
    }
    for (auto& handle : handles) {
      const api::Landed& one = handle->landed;
      tensors[(*count)++] = {one.wanted.tensor,  one.wanted.first, one.wanted.count,
                             one.wanted.bytes(), one.address,      handle.get()};
      (void)handle.release();
    }
    return COLDLOAD_OK;
  });
}

coldload_status coldload_progress_of(coldload_load* load, coldload_progress* progress) {
  return guarded([&] {
    const api::Session& session = session_of(load);
    require(progress, "the place for the progress");
    constexpr std::size_t k_first_version = 5 * sizeof(std::uint64_t);
    if (progress->size < k_first_version) throw InvalidArgument("coldload_progress has no .size");
    const auto result = session.result();
    if (!result) return COLDLOAD_WAITING;
    const coldload_progress told{std::min(progress->size, sizeof told), result->bytes,
                                 result->read_s, result->most_held_bytes,
                                 result->routes.io_uring_buffered + result->routes.pread_buffered};
    std::memcpy(progress, &told, told.size);
    return COLDLOAD_OK;
  });
}

void coldload_end(coldload_load* load) {
  if (load == nullptr) return;
  // In a child of a fork, there are no threads to wait for: it keeps what it cannot give back.
  if (load->process != ::getpid()) return;
  delete load;
}

void coldload_release(coldload_memory* memory) {
  // In a child of a fork, another thread of the parent's may have held the locks of its room.
  if (memory != nullptr && memory->process == ::getpid()) delete memory;
}

void coldload_dlpack_drop_capsule(void* capsule) {
  // Python's, in whose process this is called. Neither touches an exception that is on its way.
  static const auto is_valid =
      reinterpret_cast<int (*)(void*, const char*)>(::dlsym(RTLD_DEFAULT, "PyCapsule_IsValid"));
  static const auto pointer_of = reinterpret_cast<void* (*)(void*, const char*)>(
      ::dlsym(RTLD_DEFAULT, "PyCapsule_GetPointer"));
  if (is_valid == nullptr || pointer_of == nullptr) return;
  for (const bool versioned : {false, true}) {
    const char* const name = versioned ? "dltensor_versioned" : "dltensor";
    if (is_valid(capsule, name) != 0) {
      return api::delete_dlpack(pointer_of(capsule, name), versioned);
    }
  }
}

coldload_status coldload_dlpack(const coldload_memory* memory, int versioned, int as_bytes,
                                void** managed) {
  return guarded([&] {
    require(memory, "the memory");
    require(managed, "the place for the tensor");
    try {
      *managed = api::to_dlpack(memory->landed, versioned != 0, as_bytes != 0);
    } catch (const os::Error& error) {
      throw InvalidArgument(error.what());
    }
    return COLDLOAD_OK;
  });
}
