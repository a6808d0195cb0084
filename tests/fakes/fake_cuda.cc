// A CUDA driver without a GPU, as far as coldload asks: built as libcuda.so.1 in a folder of its
// own, and without cuMemHostRegister_v2 in another. Device memory is host memory, filled with 0xA5;
// each stream copies on a thread of its own, late, and reads the source only then: what reuses host
// memory too early finds wrong bytes on the "GPU". It is stricter than the real driver: what would
// only be slow or go unseen there fails here, or ends the process with "fake_cuda: <what>".
//
// Environment; the first two are read by cuInit, the others when a context is created:
//   FAKE_CUDA_DEVICES=N         GPUs, default 1
//   CUDA_VISIBLE_DEVICES        a list of numbers that ends at the first one that is none
//   FAKE_CUDA_MEMORY_MIB=N      memory of each GPU, default 8192
//   FAKE_CUDA_COPY_DELAY_US=N   before each copy, default 100
//   FAKE_CUDA_LEAKS=report      says on stderr what is left when the last context is released, and
//                               when the process exits
//   FAKE_CUDA=FAULT,FAULT...    copies are counted from 1 since their context was created
//     integrated        the GPUs have no memory of their own (not a fault)
//     no-device         cuInit: no device
//     init-999          cuInit: unknown error
//     slow-context=MS   creating a context takes this long
//     context-fails[=R] creating a context: out of memory, or result R
//     no-memory         allocating: out of memory, though there is free memory
//     pin-fails[=R]     pinning: out of memory, or result R
//     corrupt=N         the Nth copy to the GPU arrives with one byte flipped
//     lost-after=N      the Nth copy and all later ones never arrive; once it was due, everything
//                       but giving things back answers "device unavailable"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

namespace {

constexpr int k_success = 0;
constexpr int k_invalid_value = 1;
constexpr int k_out_of_memory = 2;
constexpr int k_not_initialized = 3;
constexpr int k_device_unavailable = 46;
constexpr int k_no_device = 100;
constexpr int k_invalid_device = 101;
constexpr int k_invalid_context = 201;
constexpr int k_invalid_handle = 400;
constexpr int k_not_ready = 600;
constexpr int k_illegal_address = 700;
constexpr int k_context_is_destroyed = 709;
constexpr int k_already_registered = 712;
constexpr int k_unknown = 999;

struct ErrorText {
  int result;
  const char* name;
  const char* text;
};
constexpr std::array k_errors = {
    ErrorText{k_success, "CUDA_SUCCESS", "no error"},
    ErrorText{k_invalid_value, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    ErrorText{k_out_of_memory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    ErrorText{k_not_initialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    ErrorText{k_device_unavailable, "CUDA_ERROR_DEVICE_UNAVAILABLE",
              "CUDA-capable device(s) is/are busy or unavailable"},
    ErrorText{k_no_device, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    ErrorText{k_invalid_device, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    ErrorText{k_invalid_context, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    ErrorText{k_invalid_handle, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    ErrorText{k_not_ready, "CUDA_ERROR_NOT_READY", "device not ready"},
    ErrorText{k_illegal_address, "CUDA_ERROR_ILLEGAL_ADDRESS",
              "an illegal memory access was encountered"},
    ErrorText{k_context_is_destroyed, "CUDA_ERROR_CONTEXT_IS_DESTROYED", "context is destroyed"},
    ErrorText{k_already_registered, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED",
              "part or all of the requested memory range is already mapped"},
    ErrorText{k_unknown, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

[[noreturn]] void misuse(const std::string& what) {
  std::fprintf(stderr, "fake_cuda: %s\n", what.c_str());
  std::abort();
}

std::uint64_t number(const std::string& text) {
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0') misuse("not a number in the environment: \"" + text + "\"");
  return value;
}

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : number(text);
}

std::vector<std::string> words(const char* list) {
  std::vector<std::string> found;
  for (std::string_view rest = list == nullptr ? "" : list; !rest.empty();) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    found.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return found;
}

struct Settings {
  std::uint64_t memory_bytes = 0;
  bool integrated = false;
  std::chrono::microseconds copy_delay{};
  int init_result = k_success;
  std::chrono::milliseconds context_delay{};
  int context_result = k_success;
  int allocate_result = k_success;
  int pin_result = k_success;
  std::uint64_t corrupt = 0;     // number of a copy to the GPU; 0: none
  std::uint64_t lost_after = 0;  // number of a copy; 0: never
};

Settings read_settings() {
  Settings settings;
  settings.memory_bytes = number_from("FAKE_CUDA_MEMORY_MIB", 8192) << 20U;
  settings.copy_delay = std::chrono::microseconds(number_from("FAKE_CUDA_COPY_DELAY_US", 100));
  for (const std::string& fault : words(std::getenv("FAKE_CUDA"))) {
    const std::size_t sign = fault.find('=');
    const std::string name = fault.substr(0, sign);
    const bool has_value = sign != std::string::npos;
    const auto value = [&] { return number(has_value ? fault.substr(sign + 1) : ""); };
    const auto result = [&](int plain) { return has_value ? static_cast<int>(value()) : plain; };
    if (fault == "integrated") {
      settings.integrated = true;
    } else if (fault == "no-device") {
      settings.init_result = k_no_device;
    } else if (fault == "init-999") {
      settings.init_result = k_unknown;
    } else if (name == "slow-context") {
      settings.context_delay = std::chrono::milliseconds(value());
    } else if (name == "context-fails") {
      settings.context_result = result(k_out_of_memory);
    } else if (fault == "no-memory") {
      settings.allocate_result = k_out_of_memory;
    } else if (name == "pin-fails") {
      settings.pin_result = result(k_out_of_memory);
    } else if (name == "corrupt") {
      settings.corrupt = value();
    } else if (name == "lost-after") {
      settings.lost_after = value();
    } else {
      misuse("unknown fault \"" + fault + "\"");  // a typing error must not let a test pass
    }
  }
  return settings;
}

// A GPU's primary context.
struct Context {
  int references = 0;
  Settings settings;
  std::uint64_t used_bytes = 0;
  std::uint64_t copies = 0;
  std::uint64_t copies_to_device = 0;
  bool lost = false;
};

struct Copy {
  void* to;
  const void* from;
  std::size_t bytes;
  std::uint64_t number;
  bool corrupt;

  [[nodiscard]] bool touches(std::uint64_t begin, std::size_t size) const {
    const auto overlaps = [&](const void* pointer) {
      const auto at = reinterpret_cast<std::uint64_t>(pointer);
      return at < begin + size && begin < at + bytes;
    };
    return overlaps(to) || overlaps(from);
  }
};

struct Stream {
  Context* context;
  std::deque<Copy> copies;  // the first one stays here while it runs
  std::uint64_t enqueued = 0;
  std::uint64_t completed = 0;
  bool closing = false;
  std::condition_variable work;
  std::condition_variable progress;
  std::thread thread;
};

struct Event {
  std::shared_ptr<Stream> stream;  // none: never recorded
  std::uint64_t position = 0;      // done when the stream has completed so many

  [[nodiscard]] bool done() const { return !stream || stream->completed >= position; }
};

struct Allocation {
  Context* context;
  std::size_t bytes;
};

struct State {
  std::mutex mutex;  // for all that is below
  bool initialized = false;
  std::vector<std::uint64_t> visible;  // CUdevice -> which GPU it is
  std::array<Context, 16> contexts;    // by CUdevice
  std::map<std::uint64_t, Allocation> allocations;
  std::map<std::uint64_t, std::size_t> ranges;
  std::map<void*, std::shared_ptr<Stream>> streams;
  std::map<void*, std::shared_ptr<Event>> events;
  bool leaks_reported = false;
};

// Never destroyed: a stream that was never destroyed still runs while the process exits.
State& state() {
  static auto* const k_state = new State;
  return *k_state;
}

thread_local Context* current = nullptr;

void report_leaks() {
  State& all = state();
  const char* wanted = std::getenv("FAKE_CUDA_LEAKS");
  if (wanted == nullptr || std::strcmp(wanted, "report") != 0 || all.leaks_reported) return;
  const auto contexts = std::count_if(all.contexts.begin(), all.contexts.end(),
                                      [](const Context& one) { return one.references > 0; });
  if (contexts == 0 && all.allocations.empty() && all.ranges.empty() && all.streams.empty() &&
      all.events.empty()) {
    return;
  }
  all.leaks_reported = true;
  std::fprintf(stderr,
               "fake_cuda: leaked %zu allocations, %zu ranges, %zu streams, %zu events, %zu "
               "contexts\n",
               all.allocations.size(), all.ranges.size(), all.streams.size(), all.events.size(),
               static_cast<std::size_t>(contexts));
}

struct ReportAtExit {
  ~ReportAtExit() {
    const std::lock_guard lock(state().mutex);
    report_leaks();
  }
} report_at_exit;

// One call into the driver: the state is locked for as long as it lasts.
struct Call {
  std::unique_lock<std::mutex> lock{state().mutex};

  // Why this thread may not call; k_success where it may. What gives something back works after a
  // loss too, so that a program that cleans up is not said to leak.
  [[nodiscard]] int refusal_to_give_back() const {
    if (!state().initialized) return k_not_initialized;
    if (current == nullptr) return k_invalid_context;
    return current->references == 0 ? k_context_is_destroyed : k_success;
  }
  [[nodiscard]] int refusal() const {
    const int result = refusal_to_give_back();
    return result == k_success && current->lost ? k_device_unavailable : result;
  }
  [[nodiscard]] int lost_or_success() const {
    return current->lost ? k_device_unavailable : k_success;
  }
};

template <typename Value>
Value find(const std::map<void*, Value>& in, void* handle) {
  const auto found = in.find(handle);
  return found == in.end() ? Value() : found->second;
}

std::size_t size_of(const Allocation& allocation) { return allocation.bytes; }
std::size_t size_of(std::size_t bytes) { return bytes; }

// Whether one entry of `in` holds all of it.
template <typename Value>
bool inside(const std::map<std::uint64_t, Value>& in, std::uint64_t begin, std::size_t bytes) {
  auto found = in.upper_bound(begin);
  if (found == in.begin()) return false;
  --found;
  const std::uint64_t offset = begin - found->first;
  return offset <= size_of(found->second) && bytes <= size_of(found->second) - offset;
}

bool pinned(const void* host, std::size_t bytes) {
  return inside(state().ranges, reinterpret_cast<std::uint64_t>(host), bytes);
}

void refuse_pending(std::uint64_t begin, std::size_t size, const char* what) {
  for (const auto& [handle, stream] : state().streams) {
    for (const Copy& copy : stream->copies) {
      if (copy.touches(begin, size)) misuse(what);
    }
  }
}

void run(const Copy& copy) {
  std::memcpy(copy.to, copy.from, copy.bytes);
  if (copy.corrupt && copy.bytes > 0) {
    auto& victim = static_cast<unsigned char*>(copy.to)[copy.bytes / 2];
    victim = static_cast<unsigned char>(~victim);
  }
}

void run_copies(Stream& stream) {
  Context& context = *stream.context;
  std::unique_lock lock(state().mutex);
  for (;;) {
    stream.work.wait(lock, [&] { return stream.closing || !stream.copies.empty(); });
    if (stream.copies.empty()) return;
    const Copy copy = stream.copies.front();
    const std::chrono::microseconds delay = context.settings.copy_delay;
    if (!context.lost && delay.count() > 0) {
      lock.unlock();
      std::this_thread::sleep_for(delay);
      lock.lock();
    }
    const std::uint64_t lost_after = context.settings.lost_after;
    if (lost_after != 0 && copy.number >= lost_after) context.lost = true;
    if (!context.lost) {
      lock.unlock();
      run(copy);
      lock.lock();
    }
    stream.copies.pop_front();
    ++stream.completed;
    stream.progress.notify_all();
  }
}

void wait_for(Call& call, Stream& stream, std::uint64_t position) {
  stream.progress.wait(call.lock, [&] { return stream.completed >= position; });
}

void enqueue(Stream& stream, Copy copy) {
  copy.number = ++stream.context->copies;
  stream.copies.push_back(copy);
  ++stream.enqueued;
  stream.work.notify_one();
}

bool is_device(int device) {
  return device >= 0 && static_cast<std::size_t>(device) < state().visible.size();
}

}  // namespace

extern "C" {

int cuGetErrorName(int result, const char** name) {
  for (const ErrorText& error : k_errors) {
    if (error.result != result) continue;
    *name = error.name;
    return k_success;
  }
  *name = nullptr;
  return k_invalid_value;
}

int cuGetErrorString(int result, const char** text) {
  for (const ErrorText& error : k_errors) {
    if (error.result != result) continue;
    *text = error.text;
    return k_success;
  }
  *text = nullptr;
  return k_invalid_value;
}

int cuInit(unsigned flags) {
  const Call call;
  State& all = state();
  const Settings settings = read_settings();
  if (settings.init_result != k_success) return settings.init_result;
  if (flags != 0) return k_invalid_value;
  const std::uint64_t devices = number_from("FAKE_CUDA_DEVICES", 1);
  if (devices > all.contexts.size()) misuse("too many devices");
  all.visible.clear();
  const char* list = std::getenv("CUDA_VISIBLE_DEVICES");
  if (list == nullptr) {
    for (std::uint64_t one = 0; one < devices; ++one) all.visible.push_back(one);
  }
  for (const std::string& word : words(list)) {
    char* end = nullptr;
    const std::uint64_t one = std::strtoull(word.c_str(), &end, 10);
    if (end == word.c_str() || *end != '\0' || one >= devices) break;
    all.visible.push_back(one);
  }
  if (all.visible.empty()) return k_no_device;
  all.initialized = true;
  return k_success;
}

int cuDeviceGetCount(int* count) {
  const Call call;
  if (!state().initialized) return k_not_initialized;
  *count = static_cast<int>(state().visible.size());
  return k_success;
}

int cuDeviceGet(int* device, int index) {
  const Call call;
  if (!state().initialized) return k_not_initialized;
  if (!is_device(index)) return k_invalid_device;
  *device = index;
  return k_success;
}

int cuDeviceGetName(char* text, int size, int device) {
  const Call call;
  if (!is_device(device)) return k_invalid_device;
  std::snprintf(text, static_cast<std::size_t>(size), "Fake GPU %u",
                static_cast<unsigned>(state().visible[static_cast<std::size_t>(device)]));
  return k_success;
}

int cuDeviceGetAttribute(int* value, int attribute, int device) {
  const Call call;
  constexpr int k_integrated = 18;
  if (!is_device(device)) return k_invalid_device;
  if (attribute != k_integrated) return k_invalid_value;
  *value = read_settings().integrated ? 1 : 0;
  return k_success;
}

int cuDevicePrimaryCtxRetain(void** out, int device) {
  Call call;
  if (!is_device(device)) return k_invalid_device;
  Context& context = state().contexts[static_cast<std::size_t>(device)];
  if (context.references == 0) {
    const Settings settings = read_settings();
    call.lock.unlock();
    std::this_thread::sleep_for(settings.context_delay);
    call.lock.lock();
    if (settings.context_result != k_success) return settings.context_result;
    // Another thread may have made it meanwhile.
    if (context.references == 0) {
      context.settings = settings;
      context.copies = context.copies_to_device = 0;
      context.lost = false;
    }
  }
  ++context.references;
  *out = &context;
  return k_success;
}

int cuDevicePrimaryCtxRelease_v2(int device) {
  const Call call;
  State& all = state();
  if (!is_device(device)) return k_invalid_device;
  Context& context = all.contexts[static_cast<std::size_t>(device)];
  if (context.references == 0) misuse("release of a context that nobody holds");
  --context.references;
  if (std::all_of(all.contexts.begin(), all.contexts.end(),
                  [](const Context& one) { return one.references == 0; })) {
    report_leaks();
  }
  return k_success;
}

int cuCtxSetCurrent(void* handle) {
  const Call call;
  if (!state().initialized) return k_not_initialized;
  if (handle == nullptr) {
    current = nullptr;
    return k_success;
  }
  for (Context& context : state().contexts) {
    if (&context != handle || context.references == 0) continue;
    current = &context;
    return k_success;
  }
  return k_invalid_context;
}

int cuCtxGetCurrent(void** out) {
  const Call call;
  if (!state().initialized) return k_not_initialized;
  *out = current;
  return k_success;
}

int cuCtxSynchronize() {
  Call call;
  if (const int result = call.refusal(); result != k_success) return result;
  std::vector<std::shared_ptr<Stream>> all;
  for (const auto& [handle, stream] : state().streams) {
    if (stream->context == current) all.push_back(stream);
  }
  for (const auto& stream : all) wait_for(call, *stream, stream->enqueued);
  return call.lost_or_success();
}

int cuMemGetInfo_v2(std::size_t* free_bytes, std::size_t* total_bytes) {
  const Call call;
  if (const int result = call.refusal(); result != k_success) return result;
  *total_bytes = current->settings.memory_bytes;
  *free_bytes = *total_bytes - std::min(*total_bytes, current->used_bytes);
  return k_success;
}

int cuMemAlloc_v2(std::uint64_t* out, std::size_t bytes) {
  constexpr std::size_t k_alignment = 512;  // of the real driver
  constexpr int k_unwritten = 0xA5;
  const Call call;
  if (const int result = call.refusal(); result != k_success) return result;
  if (bytes == 0) return k_invalid_value;
  if (current->settings.allocate_result != k_success) return current->settings.allocate_result;
  const std::uint64_t total = current->settings.memory_bytes;
  if (bytes > total - std::min(total, current->used_bytes)) return k_out_of_memory;
  void* memory = nullptr;
  if (::posix_memalign(&memory, k_alignment, bytes) != 0) return k_out_of_memory;
  std::memset(memory, k_unwritten, bytes);
  *out = reinterpret_cast<std::uint64_t>(memory);
  current->used_bytes += bytes;
  state().allocations[*out] = {current, bytes};
  return k_success;
}

int cuMemFree_v2(std::uint64_t address) {
  const Call call;
  if (const int result = call.refusal_to_give_back(); result != k_success) return result;
  const auto found = state().allocations.find(address);
  if (found == state().allocations.end()) misuse("free of memory that is not allocated");
  const Allocation allocation = found->second;
  refuse_pending(address, allocation.bytes, "free of GPU memory with pending copies");
  allocation.context->used_bytes -= allocation.bytes;
  state().allocations.erase(found);
  std::free(reinterpret_cast<void*>(address));
  return k_success;
}

#ifndef FAKE_CUDA_OLD
int cuMemHostRegister_v2(void* host, std::size_t bytes, unsigned) {
  const Call call;
  if (const int result = call.refusal(); result != k_success) return result;
  if (host == nullptr || bytes == 0) return k_invalid_value;
  if (current->settings.pin_result != k_success) return current->settings.pin_result;
  const auto begin = reinterpret_cast<std::uint64_t>(host);
  for (const auto& [other, other_bytes] : state().ranges) {
    if (begin < other + other_bytes && other < begin + bytes) return k_already_registered;
  }
  state().ranges[begin] = bytes;
  return k_success;
}
#endif

int cuMemHostUnregister(void* host) {
  const Call call;
  if (const int result = call.refusal_to_give_back(); result != k_success) return result;
  const auto begin = reinterpret_cast<std::uint64_t>(host);
  const auto found = state().ranges.find(begin);
  if (found == state().ranges.end()) misuse("unregister of memory that is not registered");
  refuse_pending(begin, found->second, "unregister of memory with pending copies");
  // A page-locked mapping must outlive its registration; this sees one that was unmapped.
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t first_page = begin / page * page;
  if (::msync(reinterpret_cast<void*>(first_page), begin + found->second - first_page, MS_ASYNC) !=
      0) {
    misuse("unregister of memory that is unmapped already");
  }
  state().ranges.erase(found);
  return k_success;
}

int cuMemcpyHtoDAsync_v2(std::uint64_t to, const void* from, std::size_t bytes, void* handle) {
  const Call call;
  if (const int result = call.refusal(); result != k_success) return result;
  const std::shared_ptr<Stream> stream = find(state().streams, handle);
  if (!stream) return k_invalid_handle;
  // The real driver would stage such a copy and run it beside nothing: slow, and unseen.
  if (!pinned(from, bytes)) return k_invalid_value;
  if (!inside(state().allocations, to, bytes)) return k_illegal_address;
  const bool corrupt = ++current->copies_to_device == current->settings.corrupt;
  enqueue(*stream, {reinterpret_cast<void*>(to), from, bytes, 0, corrupt});
  return k_success;
}

#ifndef FAKE_CUDA_12  // CUDA 13 brought it
int cuMemcpyBatchAsync_v2(std::uint64_t* to, std::uint64_t* from, std::size_t* bytes,
                          std::size_t count, const void* attributes, std::size_t* attributes_from,
                          std::size_t attributes_count, void* handle) {
  // One set of attributes for all; the order of the source's accesses is a stream's.
  if (count == 0 || attributes_count != 1 || attributes_from[0] != 0 ||
      *static_cast<const int*>(attributes) != 1 || handle == nullptr) {
    return k_invalid_value;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const int result =
        cuMemcpyHtoDAsync_v2(to[i], reinterpret_cast<const void*>(from[i]), bytes[i], handle);
    if (result != k_success) return result;
  }
  return k_success;
}
#endif

int cuMemcpyDtoHAsync_v2(void* to, std::uint64_t from, std::size_t bytes, void* handle) {
  Call call;
  if (const int result = call.refusal(); result != k_success) return result;
  const std::shared_ptr<Stream> stream = find(state().streams, handle);
  if (!stream) return k_invalid_handle;
  if (!inside(state().allocations, from, bytes)) return k_illegal_address;
  enqueue(*stream, {to, reinterpret_cast<const void*>(from), bytes, 0, false});
  if (pinned(to, bytes)) return k_success;
  // As the real driver: a copy into memory that can be paged out is over when the call is.
  wait_for(call, *stream, stream->enqueued);
  return call.lost_or_success();
}

int cuMemcpyDtoD_v2(std::uint64_t to, std::uint64_t from, std::size_t bytes) {
  const Call call;
  if (const int result = call.refusal(); result != k_success) return result;
  if (!inside(state().allocations, to, bytes) || !inside(state().allocations, from, bytes)) {
    return k_illegal_address;
  }
  std::memmove(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes);
  return k_success;
}

int cuStreamCreate(void** out, unsigned) {
  const Call call;
  if (const int result = call.refusal(); result != k_success) return result;
  auto stream = std::make_shared<Stream>();
  stream->context = current;
  stream->thread = std::thread([&running = *stream] { run_copies(running); });
  *out = stream.get();
  state().streams[*out] = std::move(stream);
  return k_success;
}

int cuStreamDestroy_v2(void* handle) {
  Call call;
  if (const int result = call.refusal_to_give_back(); result != k_success) return result;
  const std::shared_ptr<Stream> stream = find(state().streams, handle);
  if (!stream) misuse("destroy of an unknown stream");
  if (!stream->copies.empty()) misuse("destroy of a stream with pending copies");
  state().streams.erase(handle);
  stream->closing = true;
  stream->work.notify_one();
  call.lock.unlock();
  stream->thread.join();
  return k_success;
}

int cuStreamSynchronize(void* handle) {
  Call call;
  // Waits after a loss too: only then is the memory of the copies the caller's again.
  if (const int result = call.refusal_to_give_back(); result != k_success) return result;
  const std::shared_ptr<Stream> stream = find(state().streams, handle);
  if (!stream) return k_invalid_handle;
  wait_for(call, *stream, stream->enqueued);
  return call.lost_or_success();
}

int cuEventCreate(void** out, unsigned) {
  const Call call;
  if (const int result = call.refusal(); result != k_success) return result;
  auto event = std::make_shared<Event>();
  *out = event.get();
  state().events[*out] = std::move(event);
  return k_success;
}

int cuEventDestroy_v2(void* handle) {
  const Call call;
  if (const int result = call.refusal_to_give_back(); result != k_success) return result;
  if (state().events.erase(handle) == 0) misuse("destroy of an unknown event");
  return k_success;
}

int cuEventRecord(void* handle, void* stream_handle) {
  const Call call;
  if (const int result = call.refusal(); result != k_success) return result;
  const std::shared_ptr<Event> event = find(state().events, handle);
  const std::shared_ptr<Stream> stream = find(state().streams, stream_handle);
  if (!event || !stream) return k_invalid_handle;
  event->stream = stream;
  event->position = stream->enqueued;
  return k_success;
}

int cuEventQuery(void* handle) {
  const Call call;
  if (const int result = call.refusal(); result != k_success) return result;
  const std::shared_ptr<Event> event = find(state().events, handle);
  if (!event) return k_invalid_handle;
  return event->done() ? k_success : k_not_ready;
}

int cuEventSynchronize(void* handle) {
  Call call;
  if (const int result = call.refusal(); result != k_success) return result;
  const std::shared_ptr<Event> event = find(state().events, handle);
  if (!event) return k_invalid_handle;
  const std::shared_ptr<Stream> stream = event->stream;
  if (stream) wait_for(call, *stream, event->position);
  return call.lost_or_success();
}
}
