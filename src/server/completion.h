// The first token of a server that is ready: one completion, asked for and read as it streams.
//
// Layer: server. http only. What to ask for is each server's own.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "os/interrupt.h"
#include "process/ready_url.h"
#include "server/token_events.h"

namespace coldload::server {

struct CompletionRequest {
  std::string target;  // "/v1/completions"
  std::string body;    // JSON
  // Sent as a bearer token where there is one: a server with --api-key answers 401 without.
  std::string api_key = {};
};

// Sends one POST to the server of `base` and waits for the first token: `at` is just after the read
// that completed its event. Whatever the server does is a reason, not an error; so is a time-out,
// and so is `given_up`, which is asked about every 50 ms and says that the answer is not wanted any
// more.
[[nodiscard]] TokenOutcome request_first_token(
    const process::ReadyUrl& base, const CompletionRequest& request,
    std::chrono::nanoseconds timeout, const std::function<bool()>& given_up = os::interrupted);

}  // namespace coldload::server
