#include "worker/apps/tts_request.h"

#include "worker/voice/speech_text/clause_cutter.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace mr {

using nlohmann::json;

std::variant<TtsRequest, ErrorCode> parse_tts_request(std::string_view body,
                                                      size_t max_text_bytes) {
    const json object = json::parse(body, nullptr, false);
    if (object.is_discarded()) {
        return ErrorCode::bad_json;
    }
    if (!object.is_object()) {
        return ErrorCode::bad_request;
    }
    const auto text = object.find("text");
    if (text == object.end() || !text->is_string()) {
        return ErrorCode::bad_request;
    }
    TtsRequest request;
    request.text = text->get<std::string>();
    if (request.text.size() > max_text_bytes) {
        return ErrorCode::too_large;
    }
    if (voice::spoken_clauses(request.text).empty()) {
        return ErrorCode::empty_message;
    }
    const auto voice = object.find("voice_id");
    if (voice != object.end() && !voice->is_null()) {
        if (!voice->is_string() ||
            voice->get_ref<const std::string&>().size() > kMaxVoiceNameBytes) {
            return ErrorCode::bad_request;
        }
        request.voice = voice->get<std::string>();
    }
    return request;
}

} // namespace mr
