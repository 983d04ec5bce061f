#include "ngx_mr_ws_module/output_queue.h"

namespace mr {
namespace {

// ngx_connection_t::send takes an int-sized count through OpenSSL.
constexpr size_t kMaxSendBytes = 1 << 20;

} // namespace

bool OutputQueue::append_frame(Opcode opcode, std::span<const ByteView> parts) noexcept {
    size_t payload_bytes = 0;
    for (const ByteView part : parts) {
        payload_bytes += part.size();
    }
    uint8_t header[kMaxFrameHeaderBytes];
    const size_t header_bytes = encode_frame_header(header, opcode, true, payload_bytes);
    make_room();
    if (!bytes_.reserve(header_bytes + payload_bytes)) {
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

// Moves the rest to the front once most of the block is spent: each byte is moved at most once per
// byte sent.
void OutputQueue::make_room() noexcept {
    if (sent_ > 0 && sent_ >= bytes()) {
        bytes_.consume(sent_);
        sent_ = 0;
    }
}

} // namespace mr
