// A configuration file that a server takes its flags from: YAML, a mapping from flags without their
// dashes to values, as vLLM and SGLang read it
// (https://docs.vllm.ai/en/latest/configuration/serve_args.html).
//
// Layer: server.
#pragma once

#include <string>
#include <vector>

namespace coldload::server {

// The words that say the same: "--port=8000", "--enforce-eager". What stands deeper than a list of
// plain values is not followed: its flag's value is "{...}". A child of ours reads it, so that a
// mount which hangs holds nobody up. Throws os::Error for what is no regular file, not readable
// within seconds, larger than a megabyte, no YAML or no mapping. To be called before threads start.
[[nodiscard]] std::vector<std::string> words_of_config(const std::string& path);
// The same of its text; `path` is for the message of an os::Error.
[[nodiscard]] std::vector<std::string> words_of_config_text(const std::string& text,
                                                            const std::string& path);

}  // namespace coldload::server
