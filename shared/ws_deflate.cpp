#include "shared/ws_deflate.h"

#include <algorithm>

namespace mr {
namespace {

constexpr size_t kOutputStepBytes = 16 * 1024;
constexpr size_t kLeastStepBytes = 256;
constexpr size_t kUsualRatio = 4; // so that a short message makes a short buffer
constexpr int kMemoryLevel = 8;   // zlib's default
// Every message ends with an empty block, which is not sent (RFC 7692 section 7.2.1).
constexpr uint8_t kTail[] = {0x00, 0x00, 0xFF, 0xFF};
// z_stream::data_type behind inflate(): between two blocks; in the last block; bits left over.
constexpr int kBetweenBlocks = 128;
constexpr int kInLastBlock = 64;
constexpr int kBitsLeft = 63;

// Room for the next step. One byte more than is allowed is enough to know.
size_t step_bytes(size_t input_bytes, uint64_t allowed_bytes) {
    const size_t usual = std::clamp(input_bytes * kUsualRatio, kLeastStepBytes, kOutputStepBytes);
    return allowed_bytes < usual ? static_cast<size_t>(allowed_bytes) + 1 : usual;
}

} // namespace

MessageInflater::~MessageInflater() {
    if (open_) {
        inflateEnd(&stream_);
    }
}

bool MessageInflater::open() noexcept {
    // The largest window reads what was written with any smaller one.
    open_ = inflateInit2(&stream_, -MAX_WBITS) == Z_OK;
    return open_;
}

void MessageInflater::start(bool text) noexcept {
    inflateReset(&stream_);
    compressed_bytes_ = inflated_bytes_ = 0;
    utf8_ = {};
    text_ = text;
}

InflateError MessageInflater::feed(ByteView piece, bool last, const InflateLimits& limits,
                                   Buffer& out) noexcept {
    compressed_bytes_ += piece.size();
    InflateError error = inflate_all(piece, limits, out);
    if (!error && last) {
        error = inflate_all(kTail, limits, out);
        if (!error) {
            error = finish();
        }
    }
    return error;
}

InflateError MessageInflater::inflate_all(ByteView input, const InflateLimits& limits,
                                          Buffer& out) noexcept {
    stream_.next_in = const_cast<uint8_t*>(input.data());
    stream_.avail_in = static_cast<uInt>(input.size()); // a piece is at most one read
    for (;;) {
        const size_t step =
            step_bytes(stream_.avail_in, limits.max_message_bytes - inflated_bytes_);
        uint8_t* to = out.extend(step);
        if (to == nullptr) {
            return {CloseCode::try_again_later, "out of memory"};
        }
        stream_.next_out = to;
        stream_.avail_out = static_cast<uInt>(step);
        const int result = inflate(&stream_, Z_SYNC_FLUSH);
        const size_t produced = step - stream_.avail_out;
        out.truncate(out.size() - stream_.avail_out);
        if (result == Z_MEM_ERROR) {
            return {CloseCode::try_again_later, "out of memory"};
        }
        if (const InflateError error = judge({to, produced}, limits)) {
            return error;
        }
        if (result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END) {
            return {CloseCode::invalid_payload, "compressed data is broken"};
        }
        if (result == Z_STREAM_END) {
            inflateReset(&stream_); // a final block ends the stream, not the message (7.2.3.4)
        }
        if (stream_.avail_in == 0 && (result == Z_STREAM_END || stream_.avail_out > 0)) {
            return {};
        }
    }
}

// What lies within the limit is judged before the limit: the first byte that is wrong decides.
InflateError MessageInflater::judge(ByteView produced, const InflateLimits& limits) noexcept {
    const uint64_t allowed = limits.max_message_bytes - inflated_bytes_;
    const bool too_big = produced.size() > allowed;
    const ByteView within = too_big ? produced.first(static_cast<size_t>(allowed)) : produced;
    if (text_ && utf8_feed(utf8_, within) < within.size()) {
        return {CloseCode::invalid_payload, "text is not UTF-8"};
    }
    if (too_big) {
        return {CloseCode::message_too_big, "message too big when inflated"};
    }
    inflated_bytes_ += produced.size();
    if (limits.max_ratio != 0 && inflated_bytes_ > kRatioFreeBytes &&
        inflated_bytes_ / limits.max_ratio >= compressed_bytes_) {
        return {CloseCode::message_too_big, "message inflates too much"};
    }
    return {};
}

InflateError MessageInflater::finish() const noexcept {
    const bool between_blocks =
        (stream_.data_type & (kBetweenBlocks | kInLastBlock | kBitsLeft)) == kBetweenBlocks;
    if (!between_blocks) {
        return {CloseCode::invalid_payload, "compressed message is cut short"};
    }
    if (text_ && !utf8_complete(utf8_)) {
        return {CloseCode::invalid_payload, "text ends inside a code point"};
    }
    return {};
}

MessageDeflater::~MessageDeflater() {
    if (window_bits_ != 0) {
        deflateEnd(&stream_);
    }
}

bool MessageDeflater::prepare(int level, int window_bits) noexcept {
    if (window_bits_ == window_bits && level_ == level) {
        return deflateReset(&stream_) == Z_OK;
    }
    if (window_bits_ != 0) {
        deflateEnd(&stream_);
    }
    const bool made = deflateInit2(&stream_, level, Z_DEFLATED, -window_bits, kMemoryLevel,
                                   Z_DEFAULT_STRATEGY) == Z_OK;
    window_bits_ = made ? window_bits : 0;
    level_ = level;
    return made;
}

bool MessageDeflater::compress(std::span<const ByteView> parts, int level, int window_bits,
                               Buffer& out) noexcept {
    if (!prepare(level, window_bits)) {
        return false;
    }
    out.clear();
    uint8_t none = 0;
    stream_.next_in = &none;
    stream_.avail_in = 0;
    size_t part = 0;
    for (;;) {
        while (stream_.avail_in == 0 && part < parts.size()) {
            stream_.next_in = const_cast<uint8_t*>(parts[part].data());
            stream_.avail_in = static_cast<uInt>(parts[part].size());
            ++part;
        }
        const bool last = part == parts.size();
        uint8_t* to = out.extend(kOutputStepBytes);
        if (to == nullptr) {
            return false;
        }
        stream_.next_out = to;
        stream_.avail_out = kOutputStepBytes;
        const int result = deflate(&stream_, last ? Z_SYNC_FLUSH : Z_NO_FLUSH);
        out.truncate(out.size() - stream_.avail_out);
        if (result != Z_OK && result != Z_BUF_ERROR) {
            return false;
        }
        if (last && stream_.avail_in == 0 && stream_.avail_out > 0) {
            break;
        }
    }
    out.truncate(out.size() - sizeof(kTail));
    if (out.empty()) {
        static constexpr uint8_t kEmptyBlock[] = {0x00}; // section 7.2.3.6
        return out.append(kEmptyBlock, sizeof(kEmptyBlock));
    }
    return true;
}

} // namespace mr
