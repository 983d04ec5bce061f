#include "bench/load/peer_dialect.h"

#include <algorithm>
#include <charconv>

namespace mr::bench {
namespace {

constexpr std::string_view kSeq = "\"seq\":";
constexpr std::string_view kDue = ",\"due_ns\":";
constexpr std::string_view kSocketIoOpen = "0{";
constexpr std::string_view kSocketIoConnect = "40";
constexpr std::string_view kSocketIoPing = "2";
constexpr std::string_view kSocketIoPong = "3";
constexpr std::string_view kNatsInfo = "INFO ";
constexpr std::string_view kNatsPing = "PING\r\n";
constexpr std::string_view kNatsPong = "PONG\r\n";

// The number at the front of `rest`, which then begins behind it.
template <typename Number> bool take_number(std::string_view& rest, Number& number) {
    const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (read.ec != std::errc()) {
        return false;
    }
    rest.remove_prefix(static_cast<size_t>(read.ptr - rest.data()));
    return true;
}

std::optional<uint64_t> number_of(std::string_view message, std::string_view name, uint64_t least,
                                  uint64_t most) {
    const size_t at = message.find(name);
    uint64_t number = 0;
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view rest = message.substr(at + name.size());
    if (!take_number(rest, number) || number < least || number > most) {
        return std::nullopt;
    }
    return number;
}

bool is_session(std::string_view name) {
    constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz"
                                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    return !name.empty() && name.size() <= kMaxPeerSessionChars &&
           name.find_first_not_of(kAllowed) == std::string_view::npos;
}

PeerTurn take_socketio(std::string_view message) {
    if (message == kSocketIoPing) {
        return {false, std::string(kSocketIoPong)};
    }
    if (message.starts_with(kSocketIoOpen)) {
        return {false, std::string(kSocketIoConnect)};
    }
    return {message.starts_with(kSocketIoConnect), {}};
}

// The answer to our PING says that the subscription before it is in force. Texts of events hold
// no capital letters.
PeerTurn take_nats(std::string_view session, std::string_view message) {
    if (message.starts_with(kNatsInfo)) {
        return {false, nats_hello("peer." + std::string(session))};
    }
    if (message.find(kNatsPing) != std::string_view::npos) {
        return {false, std::string(kNatsPong)};
    }
    return {message.find(kNatsPong) != std::string_view::npos, {}};
}

} // namespace

std::string nats_hello(const std::string& subject) {
    return R"(CONNECT {"verbose":false,"pedantic":false,"lang":"c++","version":"1"})"
           "\r\nSUB " +
           subject + " 1\r\nPING\r\n";
}

std::string write_start(const PeerStart& start) {
    return "{\"session\":\"" + start.session + "\",\"rate\":" + std::to_string(start.rate) +
           ",\"count\":" + std::to_string(start.count) +
           ",\"bytes\":" + std::to_string(start.bytes) + "}";
}

std::optional<PeerStart> read_start(std::string_view message) {
    constexpr std::string_view kSession = "\"session\":\"";
    const size_t at = message.find(kSession);
    const size_t end = at == std::string_view::npos ? at : message.find('"', at + kSession.size());
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view session =
        message.substr(at + kSession.size(), end - at - kSession.size());
    const auto rate = number_of(message, "\"rate\":", 0, kMaxPeerRate);
    const auto count = number_of(message, "\"count\":", 1, kMaxPeerCount);
    const auto bytes = number_of(message, "\"bytes\":", 1, kMaxPeerBytes);
    if (!is_session(session) || !rate || !count || !bytes) {
        return std::nullopt;
    }
    return PeerStart{std::string(session), *rate, *count, *bytes};
}

void append_filler(std::string& out, uint64_t bytes) {
    constexpr std::string_view kFiller = "the quick brown fox jumps over the lazy dog and ";
    for (uint64_t left = bytes; left != 0;) {
        const uint64_t piece = std::min<uint64_t>(left, kFiller.size());
        out += kFiller.substr(0, piece);
        left -= piece;
    }
}

void append_event(std::string& out, const PeerStamp& stamp, uint64_t bytes) {
    out += "{";
    out += kSeq;
    out += std::to_string(stamp.seq);
    out += kDue;
    out += std::to_string(stamp.due_ns);
    out += ",\"text\":\"";
    append_filler(out, bytes);
    out += "\"}";
}

bool next_peer_stamp(std::string_view& rest, PeerStamp& stamp) {
    for (;;) {
        const size_t at = rest.find(kSeq);
        if (at == std::string_view::npos) {
            return false;
        }
        rest.remove_prefix(at + kSeq.size());
        if (!take_number(rest, stamp.seq) || rest.substr(0, kDue.size()) != kDue) {
            continue;
        }
        rest.remove_prefix(kDue.size());
        if (take_number(rest, stamp.due_ns)) {
            return true;
        }
    }
}

std::optional<PeerDialect> peer_dialect(std::string_view name) {
    if (name == "plain") {
        return PeerDialect::plain;
    }
    if (name == "socketio") {
        return PeerDialect::socketio;
    }
    if (name == "nats") {
        return PeerDialect::nats;
    }
    return std::nullopt;
}

bool ready_when_open(PeerDialect dialect) {
    return dialect == PeerDialect::plain;
}

PeerTurn take_message(PeerDialect dialect, std::string_view session, std::string_view message) {
    switch (dialect) {
    case PeerDialect::plain:
        return {};
    case PeerDialect::socketio:
        return take_socketio(message);
    case PeerDialect::nats:
        return take_nats(session, message);
    }
    return {};
}

std::string wrap_start(PeerDialect dialect, const PeerStart& start) {
    const std::string text = write_start(start);
    switch (dialect) {
    case PeerDialect::plain:
        return text;
    case PeerDialect::socketio:
        return "42[\"start\"," + text + "]";
    case PeerDialect::nats:
        return "PUB peer.start " + std::to_string(text.size()) + "\r\n" + text + "\r\n";
    }
    return {};
}

} // namespace mr::bench
