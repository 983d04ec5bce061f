// The numbers that sessions keep to. Filled from the settings; the defaults are the product's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace mr {

struct SessionLimits {
    std::chrono::milliseconds lease{5000};
    std::chrono::milliseconds turn_budget{120'000};
    std::chrono::milliseconds resume_window{300'000};  // how long an event log outlives its turn
    std::chrono::milliseconds session_ttl{86'400'000}; // history, meta data, unread mail
    std::chrono::milliseconds linger{250};             // a session is kept this long without mail
    std::chrono::milliseconds text_window{25};         // text within it goes out as one chunk
    uint32_t max_sessions = 2000;                      // owned at a time
    uint32_t max_attempts = 3;                         // claims of one turn
    uint32_t max_history_messages = 40;
    uint32_t max_queued_questions = 8;
    size_t max_message_bytes = 32 * 1024; // of a question

    // An event log must outlive the longest turn and then the window.
    std::chrono::milliseconds log_ttl() const { return turn_budget + resume_window; }
};

} // namespace mr
