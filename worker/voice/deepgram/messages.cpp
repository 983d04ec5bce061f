#include "worker/voice/deepgram/messages.h"

#include "worker/json_text.h"
#include "worker/providers/known_json.h"

#include <nlohmann/json.hpp>

namespace mr::voice::deepgram {
namespace {

using nlohmann::json;

constexpr std::string_view kNames[] = {
    "type",      "is_final",      "speech_final", "from_finalize", "start", "duration",
    "channel",   "alternatives",  "transcript",   "confidence",    "words", "end",
    "timestamp", "last_word_end", "metadata",     "request_id"};
constexpr size_t kMaxRequestIdBytes = 64;

const json& member(const json& from, const char* name) {
    static const json none;
    if (!from.is_object()) {
        return none;
    }
    const auto found = from.find(name);
    return found != from.end() ? *found : none;
}

const json& first_of(const json& list) {
    static const json none;
    return list.is_array() && !list.empty() ? list.front() : none;
}

// Also what is no time at all: negative, or further away than a stream lasts.
std::optional<double> seconds(const json& from, const char* name) {
    const json& value = member(from, name);
    if (!value.is_number()) {
        return std::nullopt;
    }
    const auto number = value.get<double>();
    return number >= 0 && number <= kMaxSeconds ? std::optional(number) : std::nullopt;
}

bool flag(const json& from, const char* name) {
    const json& value = member(from, name);
    return value.is_boolean() && value.get<bool>();
}

std::string text(const json& from, const char* name, size_t max_bytes) {
    const json& value = member(from, name);
    if (!value.is_string()) {
        return {};
    }
    const auto& whole = value.get_ref<const std::string&>();
    const size_t begin = whole.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos) {
        return {};
    }
    const size_t end = whole.find_last_not_of(" \t\r\n") + 1;
    return std::string(text_within(std::string_view(whole).substr(begin, end - begin), max_bytes));
}

Results results_of(const json& from) {
    Results results;
    results.is_final = flag(from, "is_final");
    results.speech_final = flag(from, "speech_final");
    results.from_finalize = flag(from, "from_finalize");
    results.start = seconds(from, "start").value_or(0);
    results.duration = seconds(from, "duration").value_or(0);
    const json& best = first_of(member(member(from, "channel"), "alternatives"));
    results.transcript = text(best, "transcript", kMaxTranscriptBytes);
    const json& sure = member(best, "confidence");
    if (sure.is_number() && sure.get<double>() >= 0 && sure.get<double>() <= 1) {
        results.confidence = sure.get<double>();
    }
    const json& words = member(best, "words");
    if (words.is_array() && !words.empty()) {
        results.first_word = seconds(words.front(), "start");
        results.last_word = seconds(words.back(), "end");
    }
    return results;
}

std::string printable(std::string id) {
    for (const char c : id) {
        const bool good =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
        if (!good) {
            return {};
        }
    }
    return id;
}

} // namespace

std::optional<Message> parse_message(std::string_view bytes) {
    const json from = parse_known(bytes, kNames);
    if (!from.is_object()) {
        return std::nullopt;
    }
    Message message;
    const std::string type = text(from, "type", 64);
    message.request_id = printable(text(from, "request_id", kMaxRequestIdBytes));
    if (message.request_id.empty()) {
        message.request_id =
            printable(text(member(from, "metadata"), "request_id", kMaxRequestIdBytes));
    }
    if (type == "Results") {
        message.what = results_of(from);
    } else if (type == "SpeechStarted") {
        message.what = VadStarted{seconds(from, "timestamp").value_or(0)};
    } else if (type == "UtteranceEnd") {
        message.what = UtteranceEnded{seconds(from, "last_word_end")};
    } else if (type == "Error") {
        message.what = Failed();
    }
    return message;
}

} // namespace mr::voice::deepgram
