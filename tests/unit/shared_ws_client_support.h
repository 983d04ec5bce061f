// An echoing client on the engine of shared/ws_client.h, for its tests and its fuzz target: given a
// server's bytes in pieces it notes the engine's events and what the client sends, the latter read
// by a decoder in the server's role, which refuses a frame that is not masked. It never asserts:
// `problem` names the first broken promise.
#pragma once

#include "shared/ws_client.h"
#include "tests/unit/shared_ws_support.h"

#include <algorithm>

namespace mr::ws_test {

inline constexpr FrameLimits kWideLimits{
    .max_frame_bytes = 64 << 20, .max_message_bytes = 64 << 20, .max_fragments = 1 << 30};
inline constexpr std::array<uint8_t, kWsKeyRandomBytes> kKeyRandom{1, 2,  3,  4,  5,  6,  7,  8,
                                                                   9, 10, 11, 12, 13, 14, 15, 16};

inline Bytes test_key() {
    Bytes key(kWsKeyChars, '\0');
    make_key(kKeyRandom.data(), key.data());
    return key;
}
inline Bytes test_accept() {
    Bytes accept(kWsAcceptChars, '\0');
    (void)accept_key(test_key(), accept.data());
    return accept;
}
inline Bytes good_response(const Bytes& more = {}) {
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
           test_accept() + "\r\n" + more + "\r\n";
}

// A sequence that a test can foresee.
struct CountedMasks {
    uint32_t drawn = 0;
    WsMasks source() {
        return {[](void* self) -> uint32_t {
                    return 0x9E3779B9U * ++static_cast<CountedMasks*>(self)->drawn;
                },
                this};
    }
};

class EchoClient {
  public:
    explicit EchoClient(const WsClientOptions& options)
        : options_(options), client(options_, masks.source()) {
        if (options_.target.host.empty()) {
            options_.target.host = "server.example";
        }
        const char* refused = client.start(kKeyRandom.data());
        check(refused == nullptr, "the target is refused");
        request.assign(as_text(client.output()));
        client.spend(client.output().size());
    }

    void feed(const Bytes& piece) {
        // Its own exact allocation: a sanitizer sees every byte beyond it.
        const auto copy = std::make_unique<uint8_t[]>(piece.size());
        std::copy(piece.begin(), piece.end(), copy.get());
        std::span<uint8_t> input(copy.get(), piece.size());
        for (size_t count = 0;; ++count) {
            const WsClientEvent event = client.next(input);
            if (event.kind == WsClientEventKind::need_more) {
                check(input.empty(), "need_more with input left");
                break;
            }
            note(event);
            if (count > 2 * piece.size() + 4) {
                check(false, "more events than bytes");
                return;
            }
        }
        if (drains) {
            drain();
        }
    }
    void feed_in_pieces_of(const Bytes& input, size_t piece_bytes) {
        for (size_t at = 0; at < input.size(); at += piece_bytes) {
            feed(input.substr(at, piece_bytes));
        }
    }
    void feed_at_random(const Bytes& input, std::mt19937& random, size_t max_piece_bytes) {
        for (size_t at = 0; at < input.size();) {
            const size_t size = random() % max_piece_bytes + 1;
            feed(input.substr(at, size));
            at += size;
        }
    }

    // The server takes what is queued.
    void drain() {
        const Bytes bytes(as_text(client.output()));
        client.spend(bytes.size());
        check(bytes.empty() || !sent.decoder.stopped(), "bytes behind our Close frame");
        if (!bytes.empty()) {
            sent.feed(bytes);
        }
        check(sent.problem.empty(), "the frames sent are not good");
    }

    CountedMasks masks;
    Bytes request;
    bool drains = true;
    // "upgraded:…", "refused 503:…", "broken:…", "text:…" (whole), "ping:…", "close 1000:…", …
    std::vector<Bytes> events;
    Feeder sent{Role::server, kWideLimits}; // its records are the client's frames
    std::string problem;

  private:
    WsClientOptions options_;

  public:
    WsClient client;

  private:
    void check(bool holds, const char* what) {
        if (!holds && problem.empty()) {
            problem = what;
        }
    }

    void note_data(const WsClientEvent& event, const Bytes& payload) {
        const Bytes kind = event.opcode == Opcode::text ? "text:" : "binary:";
        check(event.message_start != message_.has_value(), "message_start out of place");
        check(!options_.whole_messages || event.message_end, "a message is not whole");
        if (!message_) {
            message_ = kind;
        }
        *message_ += payload;
        check(message_->starts_with(kind), "the opcode changed inside a message");
        check(client.send_piece(event.opcode, event.payload, event.message_end) == WsSend::queued,
              "no room for the echo");
        if (event.message_end) {
            events.push_back(*message_);
            message_.reset();
        }
    }

    void note(const WsClientEvent& event) {
        const Bytes payload(event.payload.begin(), event.payload.end());
        const Bytes code = std::to_string(event.close_code);
        switch (event.kind) {
        case WsClientEventKind::upgraded:
            events.push_back("upgraded:" + Bytes(client.subprotocol()));
            break;
        case WsClientEventKind::refused:
            events.push_back("refused " + std::to_string(client.response().status) + ":" +
                             Bytes(client.response().retry_after));
            break;
        case WsClientEventKind::broken:
            events.push_back(Bytes("broken:") + event.text);
            break;
        case WsClientEventKind::data:
            note_data(event, payload);
            break;
        case WsClientEventKind::ping:
            events.push_back("ping:" + payload);
            break;
        case WsClientEventKind::pong:
            events.push_back("pong:" + payload);
            break;
        case WsClientEventKind::close:
            events.push_back("close " + code + ":" + payload);
            break;
        case WsClientEventKind::violation:
            events.push_back("error " + code);
            break;
        case WsClientEventKind::need_more:
            break;
        }
    }

    std::optional<Bytes> message_;
};

// What a strict client answers when a codec says that: echoes, pongs, one Close with the code.
inline std::vector<Bytes> answers_to(const std::vector<Bytes>& records) {
    std::vector<Bytes> answers;
    for (const Bytes& record : records) {
        if (record.starts_with("ping:")) {
            answers.push_back("pong:" + record.substr(5));
        } else if (record.starts_with("error ")) {
            answers.push_back("close " + record.substr(6));
        } else if (record.starts_with("close ")) {
            answers.push_back(record.substr(0, record.find(':')));
        } else if (!record.starts_with("pong:")) {
            answers.push_back(record);
        }
    }
    return answers;
}

// The client's frames; of a Close the code alone, since its reason is free.
inline std::vector<Bytes> without_reasons(std::vector<Bytes> records) {
    for (Bytes& record : records) {
        if (record.starts_with("close ")) {
            record.resize(record.find(':'));
        }
    }
    return records;
}
inline std::vector<Bytes> answers_of(const EchoClient& client) {
    return without_reasons(client.sent.records);
}

} // namespace mr::ws_test
