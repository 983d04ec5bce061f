#include "shared/ws_upgrade.h"

#include "shared/bytes.h"

#include <optional>

namespace mr {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
// "HTTP/1.1 101": a 'd' stands for any digit.
constexpr std::string_view kStatusPattern = "HTTP/1.d ddd";

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool visible(std::string_view text) {
    for (const char c : text) {
        if (c <= ' ' || c > '~') {
            return false;
        }
    }
    return true;
}

// RFC 7230 section 3.2: no control characters but the tab.
bool value_valid(std::string_view value) {
    for (const char c : value) {
        if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7F') {
            return false;
        }
    }
    return true;
}

bool starts_ignoring_case(std::string_view text, std::string_view start) {
    return equals_ignoring_case(slice(text, 0, start.size()), start);
}

// Those that the request has already, or that would give it a body.
bool ours(std::string_view name) {
    for (const std::string_view taken :
         {"Host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding", "Expect"}) {
        if (equals_ignoring_case(name, taken)) {
            return true;
        }
    }
    return starts_ignoring_case(name, "Sec-WebSocket-");
}

const char* problem_of(const WsTarget& target) {
    if (target.host.empty() || !visible(target.host)) {
        return "the host is empty or has characters that a host has not";
    }
    if (!target.path.starts_with('/') || !visible(target.path) ||
        target.path.find('#') != std::string_view::npos) {
        return "the path does not begin with a slash or is not escaped";
    }
    if (!target.subprotocols.empty() && !subprotocols_valid(target.subprotocols)) {
        return "the subprotocols are not a list of names";
    }
    for (const WsHeader& header : target.headers) {
        if (!token_valid(header.name) || !value_valid(header.value)) {
            return "a header has characters that a header has not";
        }
        if (ours(header.name)) {
            return "a header is given that the handshake has itself";
        }
    }
    return nullptr;
}

bool append_line(Buffer& out, std::string_view name, std::string_view value) {
    return out.append(name) && out.append(std::string_view(": ")) && out.append(value) &&
           out.append(kLineEnd);
}

bool append_request(Buffer& out, const WsTarget& target, std::string_view key) {
    bool good = out.append(std::string_view("GET ")) && out.append(target.path) &&
                out.append(std::string_view(" HTTP/1.1\r\n")) &&
                append_line(out, "Host", target.host) && append_line(out, "Upgrade", "websocket") &&
                append_line(out, "Connection", "Upgrade") &&
                append_line(out, "Sec-WebSocket-Key", key) &&
                append_line(out, "Sec-WebSocket-Version", kWsVersion);
    if (!target.subprotocols.empty()) {
        good = good && append_line(out, "Sec-WebSocket-Protocol", target.subprotocols);
    }
    for (const WsHeader& header : target.headers) {
        good = good && append_line(out, header.name, header.value);
    }
    return good && out.append(kLineEnd);
}

WsUpgradeResponse broken(const char* problem, uint16_t status = 0) {
    WsUpgradeResponse response;
    response.verdict = WsUpgrade::broken;
    response.status = status;
    response.problem = problem;
    return response;
}

// As far as it has come.
bool status_line_begins(std::string_view head) {
    const size_t count = head.size() < kStatusPattern.size() ? head.size() : kStatusPattern.size();
    for (size_t i = 0; i < count; ++i) {
        if (kStatusPattern[i] == 'd' ? !is_digit(head[i]) : head[i] != kStatusPattern[i]) {
            return false;
        }
    }
    return head.size() <= kStatusPattern.size() || head[kStatusPattern.size()] == ' ' ||
           head[kStatusPattern.size()] == '\r';
}

// What the header lines of one response say.
struct Said {
    bool upgrade = false;
    bool connection = false;
    bool extension = false;
    bool accept_good = false;
    uint32_t upgrades = 0;
    uint32_t accepts = 0;
    uint32_t protocols = 0;
    std::string_view protocol;
    std::string_view retry_after;
};

void take_line(std::string_view name, std::string_view value, std::string_view key, Said& said) {
    if (equals_ignoring_case(name, "Upgrade")) {
        ++said.upgrades;
        said.upgrade = equals_ignoring_case(value, "websocket");
    } else if (equals_ignoring_case(name, "Connection")) {
        said.connection = said.connection || token_list_contains(value, "upgrade");
    } else if (equals_ignoring_case(name, "Sec-WebSocket-Accept")) {
        ++said.accepts;
        said.accept_good = accept_matches(key, value);
    } else if (equals_ignoring_case(name, "Sec-WebSocket-Protocol")) {
        ++said.protocols;
        said.protocol = value;
    } else if (equals_ignoring_case(name, "Sec-WebSocket-Extensions")) {
        said.extension = said.extension || TokenList(value).next().has_value();
    } else if (equals_ignoring_case(name, "Retry-After")) {
        said.retry_after = value;
    }
}

// The lines between status line and empty line, each with its end. Null, or what is wrong.
const char* read_lines(std::string_view lines, std::string_view key, Said& said) {
    while (!lines.empty()) {
        const size_t end = lines.find(kLineEnd);
        const std::string_view line = slice(lines, 0, end);
        lines.remove_prefix(line.size() + kLineEnd.size());
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos || !token_valid(slice(line, 0, colon))) {
            return "a header line of the response is malformed";
        }
        const std::string_view value = trimmed(slice(line, colon + 1));
        if (!value_valid(value)) {
            return "a header of the response has control characters";
        }
        take_line(slice(line, 0, colon), value, key, said);
    }
    return nullptr;
}

// RFC 6455 section 4.1, the client's checks 2 to 6, and section 11.3.
const char* problem_of(const Said& said, const WsTarget& target) {
    if (said.upgrades != 1 || !said.upgrade) {
        return "Upgrade of the response is not websocket";
    }
    if (!said.connection) {
        return "Connection of the response lacks upgrade";
    }
    if (said.accepts != 1 || !said.accept_good) {
        return "Sec-WebSocket-Accept does not belong to the key";
    }
    if (said.extension) {
        return "the server uses an extension that was not offered";
    }
    if (said.protocols > 1) {
        return "Sec-WebSocket-Protocol comes more than once";
    }
    if (said.protocols == 1 && !subprotocols_offer(target.subprotocols, said.protocol)) {
        return "the server speaks a subprotocol that was not offered";
    }
    return nullptr;
}

// The target's own word for it: it outlives the response.
std::string_view offered_name(std::string_view offers, std::string_view name) {
    TokenList list(offers);
    while (const auto offer = list.next()) {
        if (*offer == name) {
            return *offer;
        }
    }
    return {};
}

uint16_t status_of(std::string_view head) {
    uint16_t status = 0;
    for (const char digit : slice(head, kStatusPattern.size() - 3, 3)) {
        status = static_cast<uint16_t>(status * 10 + (digit - '0'));
    }
    return status;
}

// One head that is whole, with its empty line.
WsUpgradeResponse read_head(std::string_view head, const WsTarget& target, std::string_view key) {
    const uint16_t status = status_of(head);
    const size_t first = head.find(kLineEnd);
    if (!value_valid(slice(head, 0, first))) {
        return broken("the status line has control characters", status);
    }
    const size_t from = first + kLineEnd.size();
    Said said;
    const char* problem =
        read_lines(slice(head, from, head.size() - kLineEnd.size() - from), key, said);
    if (problem == nullptr && status == 101) {
        problem = head.starts_with("HTTP/1.1") ? problem_of(said, target)
                                               : "a 101 of another version than HTTP/1.1";
    }
    if (problem == nullptr && status < 100) {
        problem = "the status is not one of HTTP";
    }
    if (problem != nullptr) {
        return broken(problem, status);
    }
    WsUpgradeResponse response;
    response.status = status;
    response.verdict = status == 101  ? WsUpgrade::accepted
                       : status < 200 ? WsUpgrade::need_more
                                      : WsUpgrade::refused;
    response.subprotocol = offered_name(target.subprotocols, said.protocol);
    response.retry_after = said.retry_after;
    return response;
}

} // namespace

const char* append_upgrade_request(Buffer& out, const WsTarget& target,
                                   std::string_view key) noexcept {
    const char* problem = problem_of(target);
    if (problem == nullptr && !append_request(out, target, key)) {
        problem = "out of memory";
    }
    return problem;
}

WsUpgradeResponse read_upgrade_response(std::string_view received, const WsTarget& target,
                                        std::string_view key) noexcept {
    const std::string_view limited = slice(received, 0, kMaxUpgradeHeadBytes);
    size_t from = 0;
    for (uint32_t heads = 0; heads <= kMaxInterimResponses; ++heads) {
        const std::string_view rest = slice(limited, from);
        if (!status_line_begins(rest)) {
            return broken("the response is not HTTP/1.1");
        }
        const size_t end = rest.find(kHeadEnd);
        if (end == std::string_view::npos) {
            return limited.size() < kMaxUpgradeHeadBytes
                       ? WsUpgradeResponse()
                       : broken("the head of the response is too long");
        }
        const size_t size = end + kHeadEnd.size();
        WsUpgradeResponse response = read_head(slice(rest, 0, size), target, key);
        from += size;
        response.head_bytes = from;
        if (response.verdict != WsUpgrade::need_more) {
            return response;
        }
    }
    return broken("too many interim responses");
}

} // namespace mr
