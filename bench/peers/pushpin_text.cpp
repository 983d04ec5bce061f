#include "bench/peers/pushpin_text.h"

#include "shared/ws_handshake.h"

#include <charconv>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr size_t kGreetingBytes = 64;
constexpr size_t kFillerBytes = 31 + 1; // behind the mechanism: as-server, filler
constexpr size_t kMechanismBytes = 20;
constexpr size_t kLongestShortFrame = 255;
constexpr char kCommandFlag = 0x04;
constexpr char kLongFlag = 0x02;

void append_item(std::string& out, std::string_view bytes, char kind) {
    out += std::to_string(bytes.size());
    out += ':';
    out += bytes;
    out += kind;
}

void append_text(std::string& out, std::string_view text) {
    append_item(out, text, ',');
}

size_t length_of(std::string_view header) {
    constexpr std::string_view kName = "\r\ncontent-length:";
    for (size_t at = header.find("\r\n"); at != std::string_view::npos;
         at = header.find("\r\n", at + 2)) {
        if (!equals_ignoring_case(header.substr(at, kName.size()), kName)) {
            continue;
        }
        const std::string_view rest = trimmed(
            header.substr(at + kName.size(), header.find("\r\n", at + 2) - at - kName.size()));
        size_t length = 0;
        const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), length);
        if (read.ec != std::errc() || length > kMaxBackendRequestBytes) {
            throw std::runtime_error("Pushpin sends a request of no length that could be");
        }
        return length;
    }
    return 0;
}

std::string session_in(std::string_view header) {
    constexpr std::string_view kName = "?session=";
    const std::string_view line = header.substr(0, header.find("\r\n"));
    const size_t at = line.find(kName);
    if (at == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = line.substr(at + kName.size());
    return std::string(rest.substr(0, rest.find_first_of(" &")));
}

} // namespace

std::string zmtp_hello() {
    std::string out("\xFF\0\0\0\0\0\0\0\0\x7F\3\0NULL", 16);
    out.append(kMechanismBytes - 4 + kFillerBytes, '\0');
    std::string ready("\5READY\13Socket-Type\0\0\0\4PUSH", 26);
    out += kCommandFlag;
    out += static_cast<char>(ready.size());
    return out + ready;
}

void append_zmtp_message(std::string& out, std::string_view message) {
    if (message.size() <= kLongestShortFrame) {
        out += '\0';
        out += static_cast<char>(message.size());
    } else {
        out += kLongFlag;
        for (int shift = 56; shift >= 0; shift -= 8) {
            out += static_cast<char>((uint64_t{message.size()} >> shift) & 0xFF);
        }
    }
    out += message;
}

bool zmtp_is_ready(std::string_view received) {
    return received.size() > kGreetingBytes &&
           received.substr(kGreetingBytes).find("READY") != std::string_view::npos;
}

std::string pushpin_publication(std::string_view channel, std::string_view text) {
    std::string message, formats, item, out;
    append_text(message, "content");
    append_text(message, text);
    append_text(formats, "ws-message");
    append_item(formats, message, '}');
    append_text(item, "channel");
    append_text(item, channel);
    append_text(item, "formats");
    append_item(item, formats, '}');
    append_item(out, item, '}');
    return out;
}

std::optional<BackendRequest> read_backend_request(std::string_view received) {
    const size_t end = received.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        if (received.size() > kMaxBackendRequestBytes) {
            throw std::runtime_error("Pushpin sends a request without an end");
        }
        return std::nullopt;
    }
    const std::string_view header = received.substr(0, end);
    BackendRequest request;
    const size_t length = length_of(header);
    request.size = end + 4 + length;
    if (received.size() < request.size) {
        return std::nullopt;
    }
    request.session = session_in(header);
    request.body = received.substr(end + 4, length);
    return request;
}

std::string backend_reply(const BackendRequest& request) {
    std::string body;
    if (request.opens()) {
        const std::string command =
            R"(c:{"type":"subscribe","channel":")" + request.session + "\"}";
        char size[8];
        const auto written = std::to_chars(size, size + sizeof(size), command.size(), 16);
        body = "OPEN\r\nTEXT " + std::string(size, written.ptr) + "\r\n" + command + "\r\n";
    }
    return "HTTP/1.1 200 OK\r\nContent-Type: application/websocket-events\r\n"
           "Sec-WebSocket-Extensions: grip\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

} // namespace mr::bench
