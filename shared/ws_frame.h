// WebSocket framing (RFC 6455 section 5): the frame header encoder, masking, close codes, and an
// incremental decoder that turns received bytes into events in place. It never does I/O, never
// allocates, never keeps payload (but for a control frame cut in two, see lend_scratch), and knows
// nothing of what a message means. Server and client side use the same code.
//
// Use of the decoder, for every piece of input:
//
//     std::span<uint8_t> input = what_was_read;
//     for (;;) {
//         const FrameEvent event = decoder.next(input, limits);
//         if (event.kind == EventKind::need_more) break;   // input is used up: read again
//         ...                                              // event.payload points into `input`
//     }
#pragma once

#include "shared/utf8.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mr {

// ---- the vocabulary of RFC 6455

enum class Opcode : uint8_t {
    continuation = 0x0,
    text = 0x1,
    binary = 0x2,
    close = 0x8,
    ping = 0x9,
    pong = 0xA,
};

// RFC 6455 section 7.4.1 and the IANA registry. The last group is never sent.
enum class CloseCode : uint16_t {
    normal = 1000,
    going_away = 1001,
    protocol_error = 1002,
    unsupported_data = 1003,
    invalid_payload = 1007,
    policy_violation = 1008,
    message_too_big = 1009,
    mandatory_extension = 1010,
    internal_error = 1011,
    service_restart = 1012,
    try_again_later = 1013,
    bad_gateway = 1014,

    no_status_received = 1005,
    abnormal_closure = 1006,
    tls_handshake = 1015,
};

inline constexpr size_t kMaxFrameHeaderBytes = 14;
inline constexpr size_t kMaxControlPayloadBytes = 125;
inline constexpr size_t kMaxCloseReasonBytes = kMaxControlPayloadBytes - 2;
inline constexpr size_t kMaskBytes = 4;

// True for a code that may stand in a close frame: 1000-1003, 1007-1014, 3000-4999.
[[nodiscard]] bool close_code_valid_on_wire(uint16_t code) noexcept;

// True for close, ping, pong and the control opcodes RFC 6455 reserves.
[[nodiscard]] constexpr bool is_control(Opcode opcode) noexcept {
    return (static_cast<uint8_t>(opcode) & 0x8) != 0;
}

// ---- encoding

// Bytes of the header of a frame with that payload length, in its minimal form.
[[nodiscard]] constexpr size_t frame_header_bytes(uint64_t payload_bytes, bool masked) noexcept {
    const size_t length_bytes = payload_bytes < 126 ? 0 : payload_bytes <= 0xFFFF ? 2 : 8;
    return 2 + length_bytes + (masked ? kMaskBytes : 0);
}

// Writes a frame header and returns its size. `mask` (4 bytes, or null for a server's frames) goes
// into the header; the caller masks the payload itself with apply_mask. The caller keeps the rules
// for control frames (fin, payload_bytes <= 125) and payload_bytes < 2^63.
size_t encode_frame_header(uint8_t out[kMaxFrameHeaderBytes], Opcode opcode, bool fin,
                           uint64_t payload_bytes, bool rsv1 = false,
                           const uint8_t* mask = nullptr) noexcept;

// Writes a close frame's payload: the code, then as much of the UTF-8 reason as fits, cut between
// code points. Returns its size; 0 (a close frame without a status) for a code that may not be
// sent.
size_t encode_close_payload(uint8_t out[kMaxControlPayloadBytes], CloseCode code,
                            std::string_view reason = {}) noexcept;

// XORs the bytes with the mask, in place. `phase` is the count of payload bytes masked before,
// modulo 4, and is advanced: a payload may be masked in pieces of any size.
void apply_mask(std::span<uint8_t> bytes, const uint8_t mask[kMaskBytes], size_t& phase) noexcept;

// ---- decoding

// Which end we are. A server requires masked frames, a client refuses them.
enum class Role : uint8_t { server, client };

// Passed by reference to every call, so that idle connections do not each hold a copy.
struct FrameLimits {
    uint64_t max_frame_bytes = 1 << 20;   // payload a data frame may declare; more is 1009
    uint64_t max_message_bytes = 1 << 20; // payload of all frames of a message; more is 1009
    uint32_t max_fragments = 16384;       // frames of one message; more is 1008
    bool rsv1_allowed = false;            // permessage-deflate was negotiated
    bool validate_utf8 = true;            // off only where an oracle or a benchmark needs it
};

enum class EventKind : uint8_t {
    need_more,    // all input is consumed, no event: read more, call again
    need_scratch, // a control frame is cut in two: lend_scratch(), then call again
    data,         // a piece of a text or binary message
    ping,         // payload: to be sent back in a pong
    pong,         // payload: as it came
    close,        // close_code and payload (the reason); the decoder has stopped
    error,        // the peer broke a rule: close_code to send, error_text; the decoder has stopped
    stopped,      // input after a close or an error: dropped, never looked at; comes once per input
};

// One event. `payload` is unmasked and points into the input or the scratch: it is valid until the
// caller reuses those bytes or calls next() again.
struct FrameEvent {
    EventKind kind = EventKind::need_more;
    Opcode opcode = Opcode::continuation; // data: text or binary, of the message, on every piece
    bool message_start = false;           // data: first piece of its message
    bool frame_end = false;               // data: last piece of its frame
    bool message_end = false;             // data: last piece of its message
    bool compressed = false;              // data: the message came with RSV1
    uint16_t close_code = 0;              // close: received, 1005 if none. error: to be sent
    std::span<uint8_t> payload;
    const char* error_text = ""; // error: static, names the broken rule; for logs and the close
};

// `error_text` of those that are no violation of RFC 6455 but of FrameLimits, for who tells them
// apart: compare the pointers. They are arrays, each of which has one address in all files; equal
// literals have one only where a linker merges them.
inline constexpr char kFrameTooBig[] = "frame too big";
inline constexpr char kMessageTooBig[] = "message too big";
inline constexpr char kTooManyFragments[] = "too many fragments";

// The receiving half of one connection. Refuses, at the earliest byte that decides it:
//   1002  unmasked/masked against the role, RSV without an extension (RSV1 also on continuation and
//         control frames), reserved opcodes, control frames fragmented or above 125 bytes,
//         continuation without a start, a new message inside a fragmented one, non-minimal lengths,
//         lengths >= 2^63, close payload of one byte, close code that may not be sent
//   1007  impossible byte in a text message (also inside a frame that is still arriving), text that
//         ends inside a code point, close reason that is not UTF-8
//   1008  more fragments than allowed
//   1009  frame or message above its limit: from the header alone, before any payload
// Bytes of a piece in which an error lies are not delivered. A message with RSV1 is not validated
// as text: its bytes are compressed, whoever inflates them validates.
class FrameDecoder {
  public:
    explicit FrameDecoder(Role role) noexcept : role_(role) {}

    // Takes one event out of `input`, which shrinks from the front; payload is unmasked in place.
    // Empty data events come only for empty frames. need_more leaves no input, but
    // need_scratch does.
    [[nodiscard]] FrameEvent next(std::span<uint8_t>& input, const FrameLimits& limits) noexcept;

    // Gives the decoder kMaxControlPayloadBytes bytes, in which it assembles a control payload that
    // arrives in pieces: rare enough that idle connections need none. They may be lent for good, or
    // on need_scratch and taken back as soon as reclaim_scratch() yields them.
    void lend_scratch(uint8_t* bytes) noexcept { scratch_ = bytes; }

    // Returns the lent bytes and forgets them, or null when none are lent or still in use. Call it
    // when the last event's payload is no longer needed, for example on need_more.
    [[nodiscard]] uint8_t* reclaim_scratch() noexcept;

    // The lent bytes, or null: whoever destroys the decoder frees what it lent.
    [[nodiscard]] uint8_t* scratch() const noexcept { return scratch_; }

    // True after a close or an error.
    [[nodiscard]] bool stopped() const noexcept { return phase_ == Phase::stopped; }

    // True between messages with no byte of a frame pending.
    [[nodiscard]] bool idle() const noexcept {
        return phase_ == Phase::header && header_have_ == 0 && !in_message();
    }

    // True from the first frame of a message until its last piece is out.
    [[nodiscard]] bool in_message() const noexcept { return message_opcode_ != Opcode{}; }

    // Payload bytes of the current frame still to come: what a caller may have to make room for.
    [[nodiscard]] uint64_t frame_remaining_bytes() const noexcept { return remaining_bytes_; }

  private:
    enum class Phase : uint8_t { header, payload, stopped };

    [[nodiscard]] bool take_header(std::span<uint8_t>& input, const FrameLimits& limits,
                                   FrameEvent& event) noexcept;
    [[nodiscard]] bool check_first_byte(const FrameLimits& limits, FrameEvent& event) noexcept;
    [[nodiscard]] bool check_second_byte(FrameEvent& event) noexcept;
    [[nodiscard]] bool check_length(const FrameLimits& limits, FrameEvent& event) noexcept;
    void begin_frame() noexcept;
    void end_frame() noexcept;
    [[nodiscard]] FrameEvent take_data(std::span<uint8_t>& input,
                                       const FrameLimits& limits) noexcept;
    [[nodiscard]] FrameEvent take_control(std::span<uint8_t>& input) noexcept;
    [[nodiscard]] FrameEvent finish_control(std::span<uint8_t> payload) noexcept;
    [[nodiscard]] FrameEvent finish_close(std::span<uint8_t> payload) noexcept;
    [[nodiscard]] std::span<uint8_t> take_payload(std::span<uint8_t>& input) noexcept;
    [[nodiscard]] FrameEvent fail(CloseCode code, const char* text) noexcept;
    void stop() noexcept;

    [[nodiscard]] Opcode frame_opcode() const noexcept { return Opcode(header_[0] & 0x0F); }
    [[nodiscard]] bool frame_fin() const noexcept { return (header_[0] & 0x80) != 0; }
    [[nodiscard]] bool frame_masked() const noexcept { return (header_[1] & 0x80) != 0; }

    uint64_t remaining_bytes_ = 0; // of the current frame's payload
    uint64_t message_bytes_ = 0;   // declared by the frames of the message so far
    uint8_t* scratch_ = nullptr;
    uint32_t fragments_ = 0;                    // frames of the message so far
    uint8_t header_[kMaxFrameHeaderBytes] = {}; // as received; the mask is its last four bytes
    uint8_t header_have_ = 0;                   // bytes of it received
    uint8_t mask_phase_ = 0;                    // payload bytes unmasked, modulo 4
    uint8_t scratch_have_ = 0;                  // bytes of a cut control payload in scratch_
    bool message_started_ = false;              // its first piece was delivered
    bool message_compressed_ = false;           // its first frame had RSV1
    Opcode message_opcode_ = Opcode{};          // text, binary, or continuation for none
    Utf8State utf8_;
    Role role_;
    Phase phase_ = Phase::header;
};

static_assert(sizeof(FrameDecoder) <= 64, "lives in every idle connection");

} // namespace mr
