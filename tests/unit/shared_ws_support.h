// Helpers of the WebSocket codec's tests and fuzz targets: frames written straight from RFC 6455
// (not by the encoder under test), and a feeder that cuts input into pieces, drives a FrameDecoder
// and notes what came out. It never asserts: `problem` names the first broken promise.
#pragma once

#include "shared/ws_frame.h"

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace mr::ws_test {

using Bytes = std::string; // arbitrary bytes; comparable and printable by GoogleTest

enum class LengthForm { minimal, bits16, bits64 };

struct Frame {
    unsigned opcode = 1;
    Bytes payload{};
    bool fin = true;
    unsigned rsv = 0; // 3 bits, RSV1 highest
    std::optional<uint64_t> declared_bytes{};
    LengthForm form = LengthForm::minimal;
};

inline void append_length(Bytes& out, uint64_t length, LengthForm form, unsigned mask_bit) {
    if (form == LengthForm::minimal) {
        form = length > 0xFFFF ? LengthForm::bits64 : LengthForm::bits16;
        if (length < 126) {
            out.push_back(static_cast<char>(mask_bit | length));
            return;
        }
    }
    const int bytes = form == LengthForm::bits16 ? 2 : 8;
    out.push_back(static_cast<char>(mask_bit | (bytes == 2 ? 126 : 127)));
    for (int i = bytes - 1; i >= 0; --i) {
        out.push_back(static_cast<char>(length >> (8 * i)));
    }
}

// The frame's bytes, masked with `mask` if there is one.
inline Bytes encode(const Frame& frame, const std::optional<std::array<uint8_t, 4>>& mask) {
    Bytes out(1, static_cast<char>((frame.fin ? 0x80 : 0) | frame.rsv << 4 | frame.opcode));
    append_length(out, frame.declared_bytes.value_or(frame.payload.size()), frame.form,
                  mask ? 0x80 : 0);
    if (mask) {
        out.append(mask->begin(), mask->end());
    }
    for (size_t i = 0; i < frame.payload.size(); ++i) {
        out.push_back(static_cast<char>(frame.payload[i] ^ (mask ? (*mask)[i % 4] : 0)));
    }
    return out;
}

inline constexpr std::array<uint8_t, 4> kTestMask{0x37, 0xFA, 0x21, 0x3D};

// As a client sends it to a server.
inline Bytes masked(const Frame& frame) {
    return encode(frame, kTestMask);
}
inline Bytes unmasked(const Frame& frame) {
    return encode(frame, std::nullopt);
}

inline Bytes close_payload(unsigned code, const Bytes& reason = {}) {
    return Bytes{static_cast<char>(code >> 8), static_cast<char>(code)} + reason;
}

// Drives one decoder. Each piece is copied to its own exact allocation, so that a sanitizer sees
// every byte read or written beyond it.
class Feeder {
  public:
    explicit Feeder(Role role = Role::server, FrameLimits limits = {})
        : decoder(role), limits_(limits) {}

    void feed(const Bytes& piece) {
        const auto copy = std::make_unique<uint8_t[]>(piece.size());
        std::memcpy(copy.get(), piece.data(), piece.size());
        std::span<uint8_t> input(copy.get(), piece.size());
        fed_bytes += piece.size();
        for (size_t events = 0;; ++events) {
            const size_t before = input.size();
            const FrameEvent event = decoder.next(input, limits_);
            check(input.size() <= before, "input grew");
            if (event.kind == EventKind::need_more) {
                check(input.empty(), "need_more with input left");
                break;
            }
            note(event);
            if (events > 2 * piece.size() + 4) {
                problem = "more events than bytes";
                return;
            }
        }
        if (decoder.reclaim_scratch() != nullptr) {
            scratch_.reset();
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

    // "text:…", "binary:…", "ping:…", "pong:…", "close 1000:…", "error 1002"; whole messages only.
    std::vector<Bytes> records;
    // Where, in the payload of all finished messages, frames ended.
    std::vector<size_t> frame_ends;
    size_t fed_bytes = 0;
    size_t payload_bytes = 0; // handed out, of every kind
    size_t need_scratch_events = 0;
    bool compressed = false; // the last data event's flag
    std::string error_text;
    std::string problem; // empty while the decoder keeps its promises
    FrameDecoder decoder;

  private:
    void check(bool holds, const char* what) {
        if (!holds && problem.empty()) {
            problem = what;
        }
    }

    void note(const FrameEvent& event) {
        const Bytes payload(event.payload.begin(), event.payload.end());
        payload_bytes += payload.size();
        const std::string code = std::to_string(event.close_code);
        switch (event.kind) {
        case EventKind::need_scratch:
            check(scratch_ == nullptr, "need_scratch while lent");
            ++need_scratch_events;
            scratch_ = std::make_unique<uint8_t[]>(kMaxControlPayloadBytes);
            decoder.lend_scratch(scratch_.get());
            break;
        case EventKind::data:
            note_data(event, payload);
            break;
        case EventKind::ping:
            records.push_back("ping:" + payload);
            break;
        case EventKind::pong:
            records.push_back("pong:" + payload);
            break;
        case EventKind::close:
            check(decoder.stopped(), "close without stop");
            records.push_back("close " + code + ":" + payload);
            break;
        case EventKind::error:
            check(decoder.stopped(), "error without stop");
            check(event.error_text[0] != '\0', "error without text");
            error_text = event.error_text;
            records.push_back("error " + code);
            break;
        case EventKind::stopped:
            check(decoder.stopped(), "stopped without stop");
            break;
        case EventKind::need_more:
            break;
        }
    }

    void note_data(const FrameEvent& event, const Bytes& payload) {
        check(event.message_start != message_.has_value(), "message_start out of place");
        check(!event.message_end || event.frame_end, "message_end inside a frame");
        check(!payload.empty() || event.frame_end, "empty piece of a frame with payload");
        check(event.frame_end == (decoder.frame_remaining_bytes() == 0), "frame_end is wrong");
        check(decoder.in_message() == !event.message_end, "in_message is wrong");
        compressed = event.compressed;
        if (!message_) {
            message_ = event.opcode == Opcode::text ? "text:" : "binary:";
            message_frame_ends_.clear();
            message_bytes_ = 0;
        }
        check(message_->starts_with(event.opcode == Opcode::text ? "text:" : "binary:"),
              "opcode changed inside a message");
        *message_ += payload;
        message_bytes_ += payload.size();
        if (event.frame_end) {
            message_frame_ends_.push_back(finished_bytes_ + message_bytes_);
        }
        if (event.message_end) {
            records.push_back(*message_);
            message_.reset();
            frame_ends.insert(frame_ends.end(), message_frame_ends_.begin(),
                              message_frame_ends_.end());
            finished_bytes_ += message_bytes_;
        }
    }

    FrameLimits limits_;
    std::unique_ptr<uint8_t[]> scratch_;
    std::optional<Bytes> message_;
    std::vector<size_t> message_frame_ends_;
    size_t message_bytes_ = 0;
    size_t finished_bytes_ = 0;
};

// The records of the input in one piece.
inline std::vector<Bytes> decode(const Bytes& input, Role role = Role::server,
                                 FrameLimits limits = {}) {
    Feeder feeder(role, limits);
    feeder.feed(input);
    if (!feeder.problem.empty()) {
        feeder.records.push_back("PROBLEM " + feeder.problem);
    }
    return feeder.records;
}

} // namespace mr::ws_test
