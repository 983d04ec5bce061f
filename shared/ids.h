// Identifiers: event ids `<epoch>-<seq>` (they are also the stream ids of the out lane) and session
// ids (UUID version 4, RFC 9562 section 5.4). Formats and parses; never makes randomness or I/O.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mr {

// Position in a session's out lane. Epochs grow with every claim, sequence numbers by one with
// every event of an epoch; `seq` 0 is the takeover record. {0, 0} is "nothing seen yet".
struct EventId {
    uint64_t epoch = 0;
    uint64_t seq = 0;

    friend constexpr auto operator<=>(const EventId&, const EventId&) = default;
};

inline constexpr size_t kMaxEventIdChars = 41; // two 20-digit numbers and the dash
inline constexpr size_t kSessionIdChars = 36;

// Text form in a small fixed buffer, so that no caller has to allocate.
struct EventIdText {
    char chars[kMaxEventIdChars];
    uint8_t length = 0;

    std::string_view view() const { return {chars, length}; }
};

EventIdText format_event_id(EventId id);

// Strict: decimal digits, one dash, no leading zeros, each half below 2^64.
std::optional<EventId> parse_event_id(std::string_view text);

// Strict unsigned decimal without leading zeros.
std::optional<uint64_t> parse_decimal(std::string_view text);
size_t format_decimal(uint64_t value, char out[20]);

// Sets version and variant bits of 16 random bytes and writes the 36 characters.
void format_session_id(const uint8_t random[16], char out[kSessionIdChars]);

// True for 36 lower-case hexadecimal characters in UUID form.
bool session_id_valid(std::string_view text);

} // namespace mr
