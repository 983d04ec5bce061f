#include "ngx_mr_ws_module/http_chat_request.h"

#include "shared/bytes.h"
#include "shared/token.h"
#include "shared/ws_handshake.h"

namespace mr {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kStream = "text/event-stream";
constexpr std::string_view kNothingSeen = "0-0";

// Cuts the part in front of the next `separator` off.
std::string_view next_part(std::string_view& rest, char separator) {
    const size_t end = rest.find(separator);
    const std::string_view part = trimmed(slice(rest, 0, end));
    rest = end == std::string_view::npos ? std::string_view{} : slice(rest, end + 1);
    return part;
}

// A weight in thousandths (RFC 9110 section 12.4.2); what is no weight counts as none.
unsigned weight_of(std::string_view parameters) {
    while (!parameters.empty()) {
        const std::string_view parameter = next_part(parameters, ';');
        if (parameter.size() < 3 || (parameter[0] | 0x20) != 'q' || parameter[1] != '=') {
            continue;
        }
        unsigned weight = 0;
        unsigned place = 1000;
        for (const char c : slice(parameter, 2, 5)) {
            if (c >= '0' && c <= '9') {
                weight += static_cast<unsigned>(c - '0') * place;
                place /= 10;
            } else if (c != '.') {
                return 1000;
            }
        }
        return weight < 1000 ? weight : 1000;
    }
    return 1000;
}

struct Wishes {
    bool any_line = false;
    unsigned stream = 0; // named
    unsigned json = 0;   // named, or one of a range
    unsigned audio = 0;  // the same
};

// One Accept line (RFC 9110 section 12.5.1). A stream has to be asked for by name.
void take_accept(std::string_view line, Wishes& wishes) {
    wishes.any_line = true;
    while (!line.empty()) {
        std::string_view range = next_part(line, ',');
        const std::string_view type = next_part(range, ';');
        const unsigned weight = weight_of(range);
        if (equals_ignoring_case(type, kStream)) {
            wishes.stream = weight;
        } else if (equals_ignoring_case(type, kJson) ||
                   equals_ignoring_case(type, "application/*") || type == "*/*") {
            wishes.json = weight > wishes.json ? weight : wishes.json;
        }
        if (equals_ignoring_case(type, "audio/mpeg") || equals_ignoring_case(type, "audio/*") ||
            type == "*/*") {
            wishes.audio = weight > wishes.audio ? weight : wishes.audio;
        }
    }
}

void take_header(std::string_view name, std::string_view value, ChatHeaders& headers,
                 Wishes& wishes) {
    if (name == "accept") {
        take_accept(value, wishes);
    } else if (name == "content-type") {
        headers.content_type = value;
        ++headers.content_types;
    } else if (name == "last-event-id" && !value.empty()) {
        headers.last_event_id = value;
        ++headers.last_event_ids;
    } else if (name == "mr-resume-token") {
        headers.resume_token = value;
        ++headers.resume_tokens;
    }
}

bool is_json(const ChatHeaders& headers) {
    std::string_view rest = headers.content_type;
    return headers.content_types == 1 && equals_ignoring_case(next_part(rest, ';'), kJson);
}

} // namespace

ChatHeaders collect_chat_headers(const ngx_http_request_t* r) noexcept {
    ChatHeaders headers;
    Wishes wishes;
    for (const ngx_list_part_t* part = &r->headers_in.headers.part; part != nullptr;
         part = part->next) {
        const auto* lines = static_cast<const ngx_table_elt_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            const ngx_str_t name = {lines[i].key.len, lines[i].lowcase_key};
            take_header(to_view(name), to_view(lines[i].value), headers, wishes);
        }
    }
    headers.accepts_stream = wishes.stream != 0 && wishes.stream >= wishes.json;
    headers.accepts_json = !wishes.any_line || wishes.json != 0;
    headers.accepts_audio = !wishes.any_line || wishes.audio != 0;
    headers.is_json = is_json(headers);
    return headers;
}

Refusal judge_chat_method(const ngx_http_request_t* r, const LocationConf& conf) noexcept {
    if (is_replayable(r)) {
        return {425, "A question cannot be asked in early data.", "425 Too Early", {}, {}};
    }
    if (r->method == NGX_HTTP_POST || (r->method == NGX_HTTP_OPTIONS && conf.cors != 0)) {
        return {};
    }
    return {NGX_HTTP_NOT_ALLOWED,
            "Questions are asked with POST.",
            {},
            "Allow",
            conf.cors != 0 ? std::string_view("POST, OPTIONS") : std::string_view("POST")};
}

Refusal judge_chat_content(const ngx_http_request_t* r, const ChatHeaders& headers,
                           const LocationConf& conf) noexcept {
    const bool resumes = headers.last_event_ids != 0;
    if (!headers.accepts_stream && (!headers.accepts_json || resumes)) {
        return {406,
                "Answers are application/json, or text/event-stream, to resume as well.",
                "406 Not Acceptable",
                {},
                {}};
    }
    if (headers.resume_tokens > 1 || headers.last_event_ids > 1) {
        return {NGX_HTTP_BAD_REQUEST,
                "There may be one MR-Resume-Token and one Last-Event-ID.",
                {},
                {},
                {}};
    }
    if (resumes && headers.resume_tokens == 0) {
        return {NGX_HTTP_BAD_REQUEST,
                "With Last-Event-ID there has to be the MR-Resume-Token of the session.",
                {},
                {},
                {}};
    }
    if (!resumes && !headers.is_json) {
        return {NGX_HTTP_UNSUPPORTED_MEDIA_TYPE, "A question is application/json.", {}, {}, {}};
    }
    if (r->headers_in.content_length_n > static_cast<off_t>(conf.max_message)) {
        return {NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "The question is too long.", {}, {}, {}};
    }
    return {};
}

// The check is that of the WebSocket's subprotocol, so its text is put together.
bool judge_chat_resume(const ChatHeaders& headers, const LocationConf& conf,
                       std::string_view subject, char session[kSessionIdChars],
                       OpenRequest& open) noexcept {
    if (headers.resume_tokens == 0) {
        return true;
    }
    const std::string_view place =
        headers.last_event_ids != 0 ? headers.last_event_id : kNothingSeen;
    const std::string_view parts[] = {kResumeProtocolPrefix, headers.resume_token, ".", place};
    char text[sizeof(kResumeProtocolPrefix) + kMaxTokenChars + 1 + kMaxEventIdChars];
    size_t length = 0;
    for (const std::string_view part : parts) {
        if (part.size() > sizeof(text) - length) {
            return false;
        }
        std::memcpy(text + length, part.data(), part.size());
        length += part.size();
    }
    const auto resume = check_resume_protocol({text, length}, conf.main->secret, subject,
                                              static_cast<uint64_t>(ngx_time()));
    if (!resume) {
        return false;
    }
    std::memcpy(session, resume->session_id.data(), kSessionIdChars);
    open.resume = true;
    open.resume_session = {session, kSessionIdChars};
    open.resume_cursor = resume->cursor;
    open.at_top = headers.last_event_ids == 0;
    return true;
}

} // namespace mr
