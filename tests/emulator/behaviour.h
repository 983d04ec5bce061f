// How a provider behaves towards one request, as a test has told it: what it says, how fast, in
// which form, and how it fails. The defaults are a good provider that says 40 words at once.
//
// Positions (`…_at`) count tokens in streams and bytes in whole bodies. Documented for the writers
// of tests in README.md beside this file.
#pragma once

#include "tests/emulator/exchange.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace mr::emulator {

struct Behaviour {
    nlohmann::json when = nlohmann::json::object(); // {"path": part, "body": part, "stream": bool}

    // What it says.
    std::optional<std::string> text;
    std::size_t tokens = 40, token_bytes = 0; // words, and bytes added to each
    std::string name;                         // in front of each word
    nlohmann::json answer;     // JSON: the text of a language model, the reply of another service
    nlohmann::json tool_calls; // [{"name", "arguments": {}}]
    std::string refusal, thoughts, finish, blocked;
    nlohmann::json usage; // {"input", "output"}; false: none is said
    std::size_t pending = 0, page_rows = 0;

    // Its pace.
    double rate = 0; // tokens a second; 0: at once
    std::chrono::milliseconds first_byte{0};

    // Failure before the answer.
    bool hang = false, unverified = false, json_instead = false;
    int status = 0;
    nlohmann::json error; // in the provider's own words; also for error_at
    std::optional<std::string> body;
    std::string content_type, unsupported;
    Headers headers;

    // Failure inside it.
    std::optional<std::size_t> stall_at, end_at, cut_at, reset_at, error_at;
    std::chrono::milliseconds stall{0}; // 0: for good
    bool inside = false;                // in the middle of an event's bytes
    std::string error_form;

    // Its form.
    std::string newline = "\n";
    bool bom = false, last_blank = true, terminal = true, unknown = false, data_lines = false;
    bool tight = false;                               // no blank behind "data:"
    std::size_t comments = 0, pings = 0, empties = 0; // one before every so many tokens; 0: none
    std::size_t split = 0, split_at = 0, merge = 0; // bytes a write; first write's; events a write
};

// Throws std::invalid_argument that names the field.
Behaviour parse_behaviour(const nlohmann::json& from, const Behaviour& base = {});

} // namespace mr::emulator
