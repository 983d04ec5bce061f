#include "ngx_mr_ws_module/output_queue.h"

namespace mr {
namespace {

// ngx_connection_t::send takes an int-sized count through OpenSSL.
constexpr size_t kMaxSendBytes = 1 << 20;

// From here on the block grows by a quarter: a slow reader's queue stands at its limit for long,
// and doubling would hold up to twice as much.
constexpr size_t kGrowsSlowlyBytes = 64 * 1024;

} // namespace

bool OutputQueue::append_frame(Opcode opcode, std::span<const ByteView> parts, bool rsv1) noexcept {
    size_t payload_bytes = 0;
    for (const ByteView part : parts) {
        payload_bytes += part.size();
    }
    uint8_t header[kMaxFrameHeaderBytes];
    const size_t header_bytes = encode_frame_header(header, opcode, true, payload_bytes, rsv1);
    if (!make_room(header_bytes + payload_bytes)) {
        return false;
    }
    bytes_.append(header, header_bytes);
    for (const ByteView part : parts) {
        bytes_.append(part);
    }
    return true;
}

SendResult OutputQueue::send(ngx_connection_t* socket, size_t& taken) noexcept {
    taken = 0;
    while (!empty()) {
        if (!socket->write->ready) {
            return SendResult::blocked;
        }
        const size_t count = bytes() < kMaxSendBytes ? bytes() : kMaxSendBytes;
        const ssize_t sent = socket->send(socket, bytes_.data() + sent_, count);
        if (sent == NGX_AGAIN || sent == 0) {
            return SendResult::blocked;
        }
        if (sent < 0) {
            return SendResult::failed;
        }
        sent_ += static_cast<size_t>(sent);
        taken += static_cast<size_t>(sent);
    }
    release();
    return SendResult::all;
}

void OutputQueue::release() noexcept {
    bytes_.release();
    sent_ = 0;
}

// Room for `more` bytes. The rest is moved to the front once most of the block is spent, or before
// the block would have to grow.
bool OutputQueue::make_room(size_t more) noexcept {
    const bool fits = bytes_.capacity() - bytes_.size() >= more;
    if (sent_ > 0 && (sent_ >= bytes() || !fits)) {
        bytes_.consume(sent_);
        sent_ = 0;
    }
    const size_t wanted = bytes_.size() + more;
    if (bytes_.capacity() >= wanted) {
        return true;
    }
    return wanted < kGrowsSlowlyBytes ? bytes_.reserve(more) : bytes_.grow_to(wanted + wanted / 4);
}

} // namespace mr
