// The compression of permessage-deflate (RFC 7692 section 7.2), message by message: no state is
// carried from one message to the next. Owns zlib's streams; knows nothing of frames, sockets or
// negotiation (ws_extension.h). Allocation failures are answers, never exceptions.
#pragma once

#include "shared/buffer.h"
#include "shared/bytes.h"
#include "shared/utf8.h"
#include "shared/ws_frame.h"

#include <zlib.h>

#include <cstdint>
#include <span>

namespace mr {

// A ratio is judged from this many inflated bytes on: short runs of one character are harmless.
// It is judged as bytes arrive, so in a message near the limit the pieces may decide.
inline constexpr uint64_t kRatioFreeBytes = 64 * 1024;

struct InflateLimits {
    uint64_t max_message_bytes = 1 << 20; // inflated; more is 1009
    uint32_t max_ratio = 0;               // inflated per compressed byte; more is 1009. 0: any
};

// Why a message is refused; `code` is what to close with.
struct InflateError {
    CloseCode code = CloseCode::normal;
    const char* text = nullptr; // static; null: no error

    explicit operator bool() const noexcept { return text != nullptr; }
};

// Inflates one message at a time, in pieces of any size. About 7 KiB, and 32 KiB more from the
// first message on that does not fit into one call.
class MessageInflater {
  public:
    MessageInflater() = default;
    MessageInflater(const MessageInflater&) = delete;
    MessageInflater& operator=(const MessageInflater&) = delete;
    ~MessageInflater();

    // Once. False: out of memory.
    [[nodiscard]] bool open() noexcept;

    // A new message begins; a text is checked for UTF-8.
    void start(bool text) noexcept;

    // The next piece of the payload; `last`: the message ends with it. What comes out is appended
    // to `out`. An error falls at the first inflated byte that decides it, and is final.
    [[nodiscard]] InflateError feed(ByteView piece, bool last, const InflateLimits& limits,
                                    Buffer& out) noexcept;

  private:
    InflateError inflate_all(ByteView input, const InflateLimits& limits, Buffer& out) noexcept;
    InflateError judge(ByteView produced, const InflateLimits& limits) noexcept;
    InflateError finish() const noexcept;

    z_stream stream_{};
    uint64_t compressed_bytes_ = 0;
    uint64_t inflated_bytes_ = 0;
    Utf8State utf8_;
    bool open_ = false;
    bool text_ = false;
};

// Compresses whole messages, all with one stream. About 256 KiB at 15 window bits, from the first
// message on.
class MessageDeflater {
  public:
    MessageDeflater() = default;
    MessageDeflater(const MessageDeflater&) = delete;
    MessageDeflater& operator=(const MessageDeflater&) = delete;
    ~MessageDeflater();

    // Replaces `out` by the payload of a compressed message. Level 1 to 9, window bits 9 to 15: a
    // change of the window costs a new stream. False: out of memory.
    [[nodiscard]] bool compress(std::span<const ByteView> parts, int level, int window_bits,
                                Buffer& out) noexcept;

  private:
    bool prepare(int level, int window_bits) noexcept;

    z_stream stream_{};
    int level_ = 0;
    int window_bits_ = 0; // 0: there is no stream
};

} // namespace mr
