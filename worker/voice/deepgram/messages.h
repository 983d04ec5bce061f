// What Deepgram says on a live stream, read: messages of JSON whose `type` we know. Times are
// seconds of the connection's own clock, which begins with its first sample.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace mr::voice::deepgram {

inline constexpr size_t kMaxTranscriptBytes = 4'000; // of one message
inline constexpr double kMaxSeconds = 7 * 86'400.0;  // later times count as not said

struct Results {
    std::string transcript; // trimmed, often empty
    bool is_final = false;  // else replaced by the next
    bool speech_final = false;
    bool from_finalize = false;
    double start = 0; // of the audio that it is about
    double duration = 0;
    std::optional<double> first_word, last_word; // beginning and end
    std::optional<double> confidence;
};

struct VadStarted {
    double at = 0;
};

struct UtteranceEnded {
    std::optional<double> last_word;
};

struct Failed {}; // its words are Deepgram's, and are not repeated

struct Unknown {}; // and those that say nothing we need

struct Message {
    std::variant<Unknown, Results, VadStarted, UtteranceEnded, Failed> what;
    std::string request_id; // empty: not said
};

// Nullopt: not JSON, or no object.
std::optional<Message> parse_message(std::string_view text);

} // namespace mr::voice::deepgram
