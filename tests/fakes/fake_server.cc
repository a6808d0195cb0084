// An inference server as far as a harness can see one: it reads a checkpoint, becomes ready at a
// known instant, and misbehaves in the ways that real ones do.
//
//   --port N            listen on 127.0.0.1:N (and refuse to start where it is taken)
//   --model PATH        a directory, or one file
//   --read full|half|none|mmap|direct   how it reads the files of --model (none)
//   --read-by self|child|orphan|children-sigchld-ignored   which process reads (self); the last:
//                       one for every MiB, and their parent ignores SIGCHLD
//   --read-after MS     by self, not before that long after the start: a server imports first
//   --reader-stays      a child or orphan that read lives on
//   --lock              map the files and lock them in memory while it runs
//   --ready-after MS    ready that long after the start, and not before it has read
//   --ready-stamp FILE  gets the CLOCK_MONOTONIC nanoseconds at which it began to answer 200, once
//                       it has: a disk that lets it wait does not delay the answer
//   --never-ready
//   --before refused|503|hang|slow|garbage|reset|lost   how it behaves until then (refused):
//       refused  does not listen          503      answers that it is loading
//       hang     accepts, keeps requests until it is ready, then answers them
//       slow     one request at a time, 40 ms each; what it answers is decided at the end
//       garbage  answers without end and without HTTP        reset   accepts and resets
//       lost     accepts, and never answers those requests, ready or not
//   --exit-after MS --exit-code N   ends by itself
//   --die-of-post       ends with exit code 7 when it is asked for anything with POST
//   --ignore-sigterm
//   --daemonize         starts in the background: the launched process exits with 0
//   --spawn-workers N   orphans in sessions of their own that ignore SIGTERM
//   --leave-main-thread   its first thread ends at once: the kernel then calls it a zombie
//   --compile first|each|none   before it is ready, in the folder that $VLLM_CACHE_ROOT names
//                       (none): first  one graph, where the folder has none yet
//                               each   one graph more, whatever is there
//                       And, but for none, what every start writes, compiled or not: a lock, a line
//                       of a log, its usage, an index as it was, and the graphs' mtime
//   --compiled-bytes N  of a graph (65536)
//   --log-lines N       lines on stdout at the start
//   --print-environment   its arguments and variables on stdout at the start
//
// It ends by itself after ten minutes whatever it was told, so that no test leaves it behind.

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC
using std::chrono::milliseconds;

constexpr unsigned k_longest_life_s = 600;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "fake_server: %s: %s\n", what.c_str(), std::strerror(errno));
  std::_Exit(4);
}

struct Options {
  std::map<std::string, std::string> values;

  Options(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
      std::string key = argv[i];
      if (key.rfind("--", 0) != 0) continue;  // the word "serve", say
      const std::size_t equals = key.find('=');
      if (equals != std::string::npos) {
        values[key.substr(2, equals - 2)] = key.substr(equals + 1);
      } else if (i + 1 < argc && std::strncmp(argv[i + 1], "--", 2) != 0) {
        values[key.substr(2)] = argv[++i];
      } else {
        values[key.substr(2)] = "yes";
      }
    }
  }
  bool has(const std::string& key) const { return values.count(key) != 0; }
  std::string text(const std::string& key, const std::string& otherwise = "") const {
    const auto found = values.find(key);
    return found != values.end() ? found->second : otherwise;
  }
  long number(const std::string& key, long otherwise) const {
    return has(key) ? std::strtol(text(key).c_str(), nullptr, 10) : otherwise;
  }
};

// --- the checkpoint -------------------------------------------------------------------------

struct File {
  std::string path;
  std::size_t bytes = 0;
};

std::vector<File> checkpoint_files(const std::string& model) {
  std::vector<std::string> paths;
  if (DIR* directory = ::opendir(model.c_str())) {
    while (const dirent* entry = ::readdir(directory)) {
      paths.push_back(model + "/" + entry->d_name);
    }
    ::closedir(directory);
  } else {
    paths.push_back(model);
  }
  std::vector<File> files;
  for (const std::string& path : paths) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    files.push_back({path, static_cast<std::size_t>(info.st_size)});
  }
  if (files.empty()) die("no checkpoint at " + model);
  return files;
}

void read_file(const File& file, std::size_t limit, int extra_flags) {
  constexpr std::size_t k_block = 1 << 20;
  static char* const buffer = static_cast<char*>(std::aligned_alloc(4096, k_block));
  const int fd = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | extra_flags);
  if (fd < 0) die("open " + file.path);
  // Half is half: no readahead into the rest.
  if (limit < file.bytes) ::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
  std::size_t done = 0;
  while (done < limit) {
    const ssize_t got = ::read(fd, buffer, std::min(k_block, (limit - done + 4095) / 4096 * 4096));
    if (got < 0) die("read " + file.path);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  ::close(fd);
}

// Every MiB by a process of its own, gone before anybody looks.
void read_by_short_lives(const std::string& model) {
  constexpr std::size_t k_part = 1 << 20;
  for (const File& file : checkpoint_files(model)) {
    for (std::size_t at = 0; at < file.bytes; at += k_part) {
      const pid_t child = ::fork();
      if (child < 0) die("fork");
      if (child == 0) {
        static std::array<char, k_part> buffer;
        const int fd = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
        ::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
        ::_exit(::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(at)) < 0 ? 1 : 0);
      }
      ::waitpid(child, nullptr, 0);  // fails when it has ended: nobody is told how
    }
  }
}

const volatile char* map_file(const File& file) {
  const int fd = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) die("open " + file.path);
  void* data = ::mmap(nullptr, file.bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) die("mmap " + file.path);
  ::close(fd);
  return static_cast<const volatile char*>(data);
}

void read_checkpoint(const std::string& model, const std::string& how) {
  if (how == "none") return;
  for (const File& file : checkpoint_files(model)) {
    if (file.bytes == 0) continue;
    if (how == "mmap") {
      const volatile char* data = map_file(file);
      char sum = 0;
      for (std::size_t at = 0; at < file.bytes; at += 4096) sum = static_cast<char>(sum + data[at]);
    } else {
      read_file(file, how == "half" ? file.bytes / 2 : file.bytes, how == "direct" ? O_DIRECT : 0);
    }
  }
}

void lock_checkpoint(const std::string& model) {
  for (const File& file : checkpoint_files(model)) {
    if (file.bytes == 0) continue;
    const volatile char* data = map_file(file);
    if (::mlock(const_cast<const char*>(data), file.bytes) != 0) die("mlock " + file.path);
  }
}

// What was read stays until this process ends, also on a machine that takes idle pages back: tests
// look at it later. As far as the limit on locked memory allows.
void keep_resident(const std::string& model, const std::string& how) {
  if (how != "full" && how != "mmap") return;
  for (const File& file : checkpoint_files(model)) {
    if (file.bytes == 0) continue;
    // Not mlock(): the sanitizers make that do nothing.
    ::syscall(SYS_mlock, map_file(file), file.bytes);
  }
}

// --- the runtime caches -----------------------------------------------------------------------

void write_to(const std::string& path, int flags, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
  if (fd < 0) die("open " + path);
  if (::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    die("write " + path);
  }
  ::close(fd);
}

void compile(const Options& options) {
  const std::string how = options.text("compile", "none");
  const char* const root = std::getenv("VLLM_CACHE_ROOT");
  if (how == "none" || root == nullptr) return;
  const std::string folder = root;
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) die("mkdir " + folder);
  long graphs = 0;
  const auto graph = [&] { return folder + "/graph-" + std::to_string(graphs); };
  for (; ::utimensat(AT_FDCWD, graph().c_str(), nullptr, 0) == 0; ++graphs) {
  }
  if (how == "each" || graphs == 0) {
    const auto bytes = static_cast<std::size_t>(options.number("compiled-bytes", 65536));
    write_to(graph(), O_EXCL, std::string(bytes, 'g'));
  }
  write_to(folder + "/lock", O_TRUNC, "");
  write_to(folder + "/index.py", O_TRUNC, std::string(8192, 'i'));
  write_to(folder + "/start.log", O_APPEND, std::string(200, '.') + '\n');
  write_to(folder + "/usage_stats.json", O_TRUNC, "{\"pid\": " + std::to_string(::getpid()) + "}");
}

// --- processes ------------------------------------------------------------------------------

// Lives until it is killed; not longer than the fake server itself may.
[[noreturn]] void live_on() {
  ::alarm(k_longest_life_s);
  while (true) ::pause();
}

// A child of nobody: its parent ends at once, and it is given to the nearest subreaper.
void spawn_orphan_worker() {
  const pid_t middle = ::fork();
  if (middle < 0) die("fork");
  if (middle > 0) {
    ::waitpid(middle, nullptr, 0);
    return;
  }
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  ::setsid();
  ::signal(SIGTERM, SIG_IGN);
  live_on();
}

// Starts the reading where `--read-by` says; the descriptor ends when the reading is done.
int start_reading(const Options& options) {
  const std::string model = options.text("model");
  const std::string how = options.text("read", "none");
  const std::string by = options.text("read-by", "self");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) die("pipe");
  if (how == "none") {
    ::close(ends[1]);
    return ends[0];
  }
  if (by == "self") {
    const milliseconds imports(options.number("read-after", 0));
    std::thread([=] {
      std::this_thread::sleep_for(imports);
      read_checkpoint(model, how);
      keep_resident(model, how);
      ::close(ends[1]);
    }).detach();
    return ends[0];
  }
  if (by == "children-sigchld-ignored") {
    ::signal(SIGCHLD, SIG_IGN);
    std::thread([=] {
      read_by_short_lives(model);
      ::close(ends[1]);
    }).detach();
    return ends[0];
  }
  const pid_t child = ::fork();
  if (child < 0) die("fork");
  if (child == 0) {
    if (by == "orphan" && ::fork() != 0) ::_exit(0);
    ::close(ends[0]);
    read_checkpoint(model, how);
    ::close(ends[1]);
    if (options.has("reader-stays")) live_on();
    ::_exit(0);
  }
  ::close(ends[1]);
  if (by == "orphan") ::waitpid(child, nullptr, 0);
  if (by == "child" && !options.has("reader-stays")) {
    std::thread([=] {
      ::waitpid(child, nullptr, 0);
      keep_resident(model, how);
    }).detach();
  }
  return ends[0];
}

void daemonize() {
  if (::fork() != 0) ::_exit(0);
  ::setsid();
  if (::fork() != 0) ::_exit(0);
}

// --- HTTP -----------------------------------------------------------------------------------

constexpr const char* k_ready_answer =
    "HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{\"status\":\"ok\"}";
constexpr const char* k_loading_answer =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 7\r\nConnection: close\r\n\r\nLoading";

struct Client {
  int fd = -1;
  std::string request;
  bool complete = false;
  bool lost = false;
  Clock::time_point arrived;
};

class Server {
 public:
  explicit Server(const Options& options)
      : before_(options.text("before", "refused")),
        stamp_(options.text("ready-stamp")),
        dies_of_post_(options.has("die-of-post")) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(options.number("port", 8000)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("bind");
    if (before_ != "refused") listen_now();
  }

  // From now on requests are answered with 200.
  void become_ready() {
    ready_at_ = Clock::now();
    ready_ = true;
    if (before_ == "refused") listen_now();
    if (before_ == "hang" || before_ == "slow") answer_all();
  }

  bool ready() const { return ready_; }

  void serve_until(Clock::time_point until, int also) {
    if (answered_ready_ && !stamp_.empty()) write_stamp();
    std::vector<pollfd> entries{{listening_ ? listener_ : -1, POLLIN, 0}, {also, POLLIN, 0}};
    for (const Client& client : clients_) {
      // What waits for its turn is not looked at, as in a server of one thread.
      const bool wanted = !client.complete || before_ == "garbage";
      entries.push_back({wanted ? client.fd : -1, POLLIN, 0});
      if (client.complete && before_ == "garbage" && !ready_) entries.back().events = POLLOUT;
    }
    if (before_ == "slow" && !ready_) until = std::min(until, slow_due());
    const auto left = std::max(Clock::duration(0), until - Clock::now());
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
    const timespec limit{ns / 1'000'000'000, ns % 1'000'000'000};
    ::ppoll(entries.data(), entries.size(), &limit, nullptr);
    if (entries[0].revents != 0) accept_all();
    for (Client& client : clients_) attend(client);
    if (before_ == "slow" && !ready_ && Clock::now() >= slow_due()) answer_one();
    clients_.erase(std::remove_if(clients_.begin(), clients_.end(),
                                  [](const Client& client) { return client.fd < 0; }),
                   clients_.end());
  }

 private:
  void listen_now() {
    constexpr int k_backlog = 128;
    if (::listen(listener_, k_backlog) != 0) die("listen");
    listening_ = true;
  }

  void write_stamp() {
    const std::string temporary = stamp_ + ".new";
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) die("open " + temporary);
    const std::chrono::nanoseconds since_boot = ready_at_.time_since_epoch();
    const std::string text = std::to_string(since_boot.count());
    if (::write(fd, text.data(), text.size()) < 0) die("write " + temporary);
    ::close(fd);
    if (::rename(temporary.c_str(), stamp_.c_str()) != 0) die("rename " + temporary);
    stamp_.clear();
  }

  void accept_all() {
    while (true) {
      Client client;
      client.fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (client.fd < 0) return;
      client.arrived = Clock::now();
      client.lost = !ready_ && before_ == "lost";
      if (!ready_ && before_ == "reset") {
        const struct linger hard { 1, 0 };
        ::setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        ::close(client.fd);
        continue;
      }
      clients_.push_back(client);
    }
  }

  void attend(Client& client) {
    std::array<char, 4096> buffer;
    const ssize_t got = ::recv(client.fd, buffer.data(), buffer.size(), 0);
    if (got > 0 && client.request.size() < buffer.size()) {
      client.request.append(buffer.data(), static_cast<std::size_t>(got));
    }
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return close(client);
    client.complete = client.request.find("\r\n\r\n") != std::string::npos;
    if (!client.complete || client.lost) return;
    if (ready_ || before_ == "503") return answer(client);
    if (before_ == "garbage") {
      std::array<char, 65536> rubbish;
      for (std::size_t i = 0; i < rubbish.size(); ++i) {
        rubbish[i] = static_cast<char>('a' + (i * 7919 + 13) % 26);
      }
      if (::send(client.fd, rubbish.data(), rubbish.size(), MSG_NOSIGNAL) < 0 && errno != EAGAIN) {
        close(client);
      }
    }
  }

  Clock::time_point slow_due() const {
    for (const Client& client : clients_) {
      if (client.complete) return std::max(client.arrived, last_slow_) + milliseconds(40);
    }
    return Clock::time_point::max();
  }

  void answer_one() {
    for (Client& client : clients_) {
      if (!client.complete) continue;
      answer(client);
      last_slow_ = Clock::now();
      return;
    }
  }

  void answer_all() {
    for (Client& client : clients_) {
      if (client.complete) answer(client);
    }
  }

  void answer(Client& client) {
    if (dies_of_post_ && client.request.rfind("POST", 0) == 0) std::_Exit(7);
    const bool health = client.request.rfind("GET /health", 0) == 0;
    const char* text = ready_ ? k_ready_answer : k_loading_answer;
    if (!health) text = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    ::send(client.fd, text, std::strlen(text), MSG_NOSIGNAL);
    close(client);
    answered_ready_ = answered_ready_ || (ready_ && health);
  }

  static void close(Client& client) {
    ::close(client.fd);
    client.fd = -1;
  }

  std::string before_;
  std::string stamp_;  // empty: none, or written
  Clock::time_point ready_at_{};
  bool answered_ready_ = false;
  bool dies_of_post_ = false;
  int listener_ = -1;
  bool listening_ = false;
  bool ready_ = false;
  std::vector<Client> clients_;
  Clock::time_point last_slow_{};
};

void write_log(long lines) {
  for (long i = 0; i < lines; ++i) {
    std::printf("INFO 11-22 08:27:33 [fake_server.cc:1] line %ld of %ld of the log of a server\n",
                i + 1, lines);
  }
  std::fflush(stdout);
}

void print_environment(int argc, char** argv) {
  for (int i = 0; i < argc; ++i) std::printf("argument %d: %s\n", i, argv[i]);
  for (char** entry = environ; *entry != nullptr; ++entry) std::printf("%s\n", *entry);
  std::fflush(stdout);
}

[[noreturn]] void run(const Options& options, Clock::time_point started, int reading) {
  Server server(options);
  const auto after = [&](const char* key, bool wanted) {
    return wanted ? started + milliseconds(options.number(key, 0)) : Clock::time_point::max();
  };
  const auto ready_at = after("ready-after", !options.has("never-ready"));
  const auto exit_at = after("exit-after", options.has("exit-after"));
  while (true) {
    const auto now = Clock::now();
    if (now >= exit_at) {
      std::fprintf(stderr, "ERROR fake_server: exiting as told\n");
      std::_Exit(static_cast<int>(options.number("exit-code", 0)));
    }
    if (reading >= 0) {
      pollfd entry{reading, POLLIN, 0};
      if (::poll(&entry, 1, 0) == 1) {
        ::close(reading);
        reading = -1;
      }
    }
    if (!server.ready() && reading < 0 && now >= ready_at) server.become_ready();
    auto until = std::min(exit_at, now + std::chrono::seconds(60));
    if (!server.ready() && reading < 0) until = std::min(until, ready_at);
    server.serve_until(until, reading);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Clock::time_point started = Clock::now();
  const Options options(argc, argv);
  ::alarm(k_longest_life_s);
  if (options.has("daemonize")) {
    daemonize();
    ::alarm(k_longest_life_s);
  }
  if (options.has("ignore-sigterm")) ::signal(SIGTERM, SIG_IGN);
  // All that forks comes before the listening socket, which a child would keep open.
  for (long i = 0; i < options.number("spawn-workers", 0); ++i) spawn_orphan_worker();
  write_log(options.number("log-lines", 0));
  if (options.has("print-environment")) print_environment(argc, argv);
  compile(options);
  const int reading = start_reading(options);
  if (options.has("lock")) lock_checkpoint(options.text("model"));
  if (options.has("leave-main-thread")) {
    static const Options copy = options;  // outlives this thread's stack
    std::thread([started, reading] { run(copy, started, reading); }).detach();
    ::pthread_exit(nullptr);
  }
  run(options, started, reading);
}
