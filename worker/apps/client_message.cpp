#include "worker/apps/client_message.h"

#include "worker/json_text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace mr {
namespace {

using nlohmann::json;
using Parsed = std::variant<ClientMessage, ClientError>;

// The parser itself takes any depth; what is done with the result recurses.
bool too_deep(std::string_view text) {
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') {
                ++i;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > kMaxJsonDepth) {
                return true;
            }
        } else if ((c == '}' || c == ']') && depth > 0) {
            --depth;
        }
    }
    return false;
}

// False: the field is there and is no text, or too long.
bool read_text(const json& object, const char* key, size_t max_bytes, std::string& out) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) {
        return true;
    }
    if (!found->is_string() || found->get_ref<const std::string&>().size() > max_bytes) {
        return false;
    }
    out = found->get<std::string>();
    return true;
}

bool read_on_busy(const json& object, OnBusy& on_busy) {
    std::string text;
    if (!read_text(object, "on_busy", kMaxIdChars, text)) {
        return false;
    }
    if (text == "cancel") {
        on_busy = OnBusy::cancel;
    } else if (text == "reject") {
        on_busy = OnBusy::reject;
    } else {
        return text.empty() || text == "enqueue";
    }
    return true;
}

bool read_kind(const std::string& type, ClientMessage::Kind& kind) {
    const std::pair<std::string_view, ClientMessage::Kind> kinds[] = {
        {"", ClientMessage::Kind::ask}, // the original protocol's question has no type
        {"ask", ClientMessage::Kind::ask},
        {"cancel", ClientMessage::Kind::cancel},
        {"regenerate", ClientMessage::Kind::regenerate},
        {"feedback", ClientMessage::Kind::feedback},
        {"ping", ClientMessage::Kind::ping},
    };
    for (const auto& entry : kinds) {
        if (entry.first == type) {
            kind = entry.second;
            return true;
        }
    }
    return false;
}

// `conversation_history`, as the original's HTTP endpoint takes it. False: it is of another form.
bool read_history(const json& object, json& out) {
    const auto found = object.find("conversation_history");
    if (found == object.end() || found->is_null()) {
        return true;
    }
    if (!found->is_array()) {
        return false;
    }
    out = json::array();
    const size_t first = found->size() - std::min(found->size(), kMaxGivenMessages);
    for (size_t i = 0; i < found->size(); ++i) {
        const json& entry = (*found)[i];
        std::string role;
        std::string content;
        if (!entry.is_object() || !read_text(entry, "role", kMaxIdChars, role) ||
            !read_text(entry, "content", SIZE_MAX, content) ||
            (role != "user" && role != "assistant")) {
            return false;
        }
        if (i >= first) {
            out.push_back({{"role", role}, {"content", text_within(content, kMaxGivenBytes)}});
        }
    }
    return true;
}

// The question of `ask` and `regenerate`.
Parsed read_question(const json& object, size_t max_message_bytes, ClientMessage message) {
    const auto found = object.find("message");
    const bool given = found != object.end() && !found->is_null();
    if (given && !found->is_string()) {
        return ClientError{ErrorCode::bad_request, message.message_id};
    }
    if (given) {
        message.message = found->get<std::string>();
    }
    const bool needed = message.kind == ClientMessage::Kind::ask || given;
    if (needed && is_blank(message.message)) {
        return ClientError{ErrorCode::empty_message, message.message_id};
    }
    if (message.message.size() > max_message_bytes) {
        return ClientError{ErrorCode::too_large, message.message_id};
    }
    const auto context = object.find("context");
    if (context != object.end()) {
        if (!context->is_object() && !context->is_null()) {
            return ClientError{ErrorCode::bad_request, message.message_id};
        }
        message.context = *context;
    }
    if (!read_history(object, message.history)) {
        return ClientError{ErrorCode::bad_request, message.message_id};
    }
    return message;
}

bool read_feedback(const json& object, ClientMessage& message) {
    const auto rating = object.find("rating");
    if (rating == object.end() || !rating->is_number_integer() || message.turn_id.empty()) {
        return false;
    }
    message.rating = *rating == 1 ? 1 : *rating == -1 ? -1 : 0;
    return message.rating != 0 && read_text(object, "comment", kMaxCommentBytes, message.comment);
}

} // namespace

Parsed parse_client_message(std::string_view text, size_t max_message_bytes) {
    if (too_deep(text)) {
        return ClientError{ErrorCode::bad_request, {}};
    }
    const json object = json::parse(text, nullptr, false);
    if (object.is_discarded()) {
        return ClientError{ErrorCode::bad_json, {}};
    }
    ClientMessage message;
    std::string type;
    if (!object.is_object() || !read_text(object, "message_id", kMaxIdChars, message.message_id) ||
        !read_text(object, "type", kMaxIdChars, type)) {
        return ClientError{ErrorCode::bad_request, {}};
    }
    if (const auto kind = voice_kind(type)) {
        message.kind = ClientMessage::Kind::voice;
        message.voice.kind = *kind;
        const auto error = read_voice_message(object, message.voice);
        if (error) {
            const bool audio = *kind == VoiceMessage::Kind::audio;
            return ClientError{*error, message.message_id, message.voice.stream_id, audio};
        }
        return message;
    }
    if (!read_kind(type, message.kind)) {
        return ClientError{ErrorCode::unsupported_type, message.message_id};
    }
    const bool good = read_text(object, "turn_id", kMaxIdChars, message.turn_id) &&
                      read_on_busy(object, message.on_busy);
    if (!good) {
        return ClientError{ErrorCode::bad_request, message.message_id};
    }
    switch (message.kind) {
    case ClientMessage::Kind::regenerate:
        if (message.turn_id.empty()) {
            return ClientError{ErrorCode::bad_request, message.message_id};
        }
        [[fallthrough]];
    case ClientMessage::Kind::ask:
        return read_question(object, max_message_bytes, std::move(message));
    case ClientMessage::Kind::feedback:
        if (!read_feedback(object, message)) {
            return ClientError{ErrorCode::bad_request, message.message_id};
        }
        return message;
    case ClientMessage::Kind::ping: {
        const auto time = object.find("t");
        if (time != object.end() && (time->is_number() || time->is_string())) {
            message.ping_time = *time;
        }
        return message;
    }
    case ClientMessage::Kind::cancel:
    case ClientMessage::Kind::voice:
        return message;
    }
    return ClientError{ErrorCode::internal, {}};
}

bool is_blank(std::string_view text) {
    for (size_t i = 0; i < text.size();) {
        const auto byte = [&](size_t at) {
            return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
        };
        const unsigned first = byte(i);
        unsigned point = first;
        size_t length = 1;
        if (first >= 0xE0 && first < 0xF0) {
            point = (first & 0x0F) << 12 | (byte(i + 1) & 0x3F) << 6 | (byte(i + 2) & 0x3F);
            length = 3;
        } else if (first >= 0xC0 && first < 0xE0) {
            point = (first & 0x1F) << 6 | (byte(i + 1) & 0x3F);
            length = 2;
        }
        const bool space = (point >= 0x09 && point <= 0x0D) || (point >= 0x1C && point <= 0x20) ||
                           point == 0x85 || point == 0xA0 || point == 0x1680 ||
                           (point >= 0x2000 && point <= 0x200A) || point == 0x2028 ||
                           point == 0x2029 || point == 0x202F || point == 0x205F || point == 0x3000;
        if (!space) {
            return false;
        }
        i += length;
    }
    return true;
}

} // namespace mr
