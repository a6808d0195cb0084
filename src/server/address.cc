#include "server/address.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

namespace coldload::server {

namespace {

bool is_ip(int family, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return ::inet_pton(family, host.c_str(), address.data()) == 1;
}

// The host to ask at a server that listens on `host`.
std::string host_to_ask(const ServerKind& kind, const std::string& host) {
  constexpr std::array<std::string_view, 5> k_any{"", "0.0.0.0", "::", "localhost", "*"};
  if (std::find(k_any.begin(), k_any.end(), host) != k_any.end()) return "127.0.0.1";
  if (is_ip(AF_INET6, host)) return fmt::format("[{}]", host);
  // TGI's router listens on all addresses where its host is a name, as in a container.
  if (&kind == &k_tgi && !is_ip(AF_INET, host)) return "127.0.0.1";
  return host;
}

std::string socket_of(const ServerKind& kind, const std::vector<std::string>& settings,
                      const std::string& host) {
  if (&kind == &k_llama_server) return host.ends_with(".sock") ? host : "";
  const std::string_view flag = kind.speech.socket_flag;
  return flag.empty() ? "" : flag_value(settings, {flag}).value_or("");
}

// "/llm" of "llm/".
std::string prefix_of(const ServerKind& kind, const std::vector<std::string>& settings) {
  const std::string_view flag = kind.speech.prefix_flag;
  std::string prefix = flag.empty() ? "" : flag_value(settings, {flag}).value_or("");
  while (!prefix.empty() && prefix.back() == '/') prefix.pop_back();
  if (!prefix.empty() && prefix.front() != '/') prefix.insert(0, "/");
  return prefix;
}

}  // namespace

Address address_of(const ServerKind& kind, const std::vector<std::string>& settings) {
  const std::string host = flag_value(settings, {kind.speech.host_flag}).value_or("");
  const bool speaks_tls =
      has_flag(settings, {"--ssl-keyfile", "--ssl-certfile", "--ssl-key-file", "--ssl-cert-file"});
  const std::string scheme = speaks_tls ? "https" : "http";
  const std::string target = prefix_of(kind, settings) + std::string(kind.ready_endpoint);
  if (const std::string socket = socket_of(kind, settings, host); !socket.empty()) {
    return {fmt::format("{}://unix:{}:{}", scheme, socket, target), true, false};
  }
  const std::string asked = host_to_ask(kind, host);
  const bool is_by_name = asked.front() != '[' && !is_ip(AF_INET, asked);
  return {fmt::format("{}://{}:{{port}}{}", scheme, asked, target), false, is_by_name};
}

}  // namespace coldload::server
