#include "bench/peers/floor_connection.h"

#include "shared/ws_handshake.h"

#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace mr::bench {
namespace {

constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kMaxRequestBytes = 8 * 1024;
constexpr size_t kMaxQueuedBytes = 16 << 20; // of a client that does not read: it is cut off
constexpr FrameLimits kLimits{};

std::string_view header_of(std::string_view request, std::string_view name) {
    for (size_t at = request.find("\r\n"); at != std::string_view::npos;
         at = request.find("\r\n", at)) {
        at += 2;
        const size_t colon = request.find(':', at);
        if (colon == std::string_view::npos) {
            break;
        }
        if (equals_ignoring_case(request.substr(at, colon - at), name)) {
            const size_t end = request.find("\r\n", colon);
            return trimmed(request.substr(colon + 1, end - colon - 1));
        }
    }
    return {};
}

} // namespace

FloorConnection::FloorConnection(Loop& loop, FloorOwner& owner, uint64_t index, int socket,
                                 SSL* ssl)
    : number(index), loop_(loop), owner_(owner), socket_(socket), ssl_(ssl),
      secured_(ssl == nullptr), wanted_(EPOLLIN) {
    decoder_.lend_scratch(scratch_);
    loop_.add(socket_, wanted_, *this);
}

FloorConnection::~FloorConnection() {
    if (socket_ >= 0) {
        loop_.remove(socket_, *this);
        ::close(socket_);
    }
    SSL_free(ssl_);
}

void FloorConnection::end() {
    if (socket_ >= 0) {
        loop_.remove(socket_, *this);
        ::close(socket_);
        socket_ = -1;
        owner_.floor_ended(*this);
    }
}

void FloorConnection::want(uint32_t events) {
    if (events != wanted_) {
        wanted_ = events;
        loop_.change(socket_, events, *this);
    }
}

void FloorConnection::ready(uint32_t events) {
    if (!secured_ && !shake_hands()) {
        return;
    }
    if ((events & EPOLLOUT) != 0) {
        flush();
    }
    if (socket_ >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        read();
    }
}

bool FloorConnection::shake_hands() {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_);
    if (done == 1) {
        secured_ = true;
        return true;
    }
    const int error = SSL_get_error(ssl_, done);
    if (error == SSL_ERROR_WANT_WRITE) {
        want(EPOLLIN | EPOLLOUT);
    } else if (error != SSL_ERROR_WANT_READ) {
        end();
    }
    return false;
}

void FloorConnection::read() {
    static thread_local uint8_t buffer[kReadBytes];
    while (socket_ >= 0) {
        ssize_t count = 0;
        if (ssl_ != nullptr) {
            ERR_clear_error();
            count = SSL_read(ssl_, buffer, sizeof(buffer));
            if (count <= 0) {
                const int error = SSL_get_error(ssl_, static_cast<int>(count));
                return error == SSL_ERROR_WANT_READ ? void() : end();
            }
        } else {
            count = recv(socket_, buffer, sizeof(buffer), 0);
            if (count <= 0) {
                return count < 0 && errno == EAGAIN ? void() : end();
            }
        }
        take({buffer, static_cast<size_t>(count)});
    }
}

void FloorConnection::take(std::span<uint8_t> input) {
    if (!open_) {
        request_.append(reinterpret_cast<const char*>(input.data()), input.size());
        if (!upgrade()) {
            return;
        }
        request_.clear();
        request_.shrink_to_fit();
        return; // a client sends frames only after the answer
    }
    for (;;) {
        const FrameEvent event = decoder_.next(input, kLimits);
        if (event.kind == EventKind::need_more) {
            return;
        }
        if (event.kind == EventKind::data) {
            message_ += as_text(event.payload);
            if (event.message_end) {
                owner_.floor_text(*this, message_);
                message_.clear();
            }
        } else if (event.kind != EventKind::ping && event.kind != EventKind::pong) {
            return end();
        }
    }
}

bool FloorConnection::upgrade() {
    if (request_.find("\r\n\r\n") == std::string::npos) {
        if (request_.size() > kMaxRequestBytes) {
            end();
        }
        return false;
    }
    char accept[kWsAcceptChars];
    const std::string_view key = header_of(request_, "Sec-WebSocket-Key");
    if (!key_valid(key) || !accept_key(key, accept)) {
        end();
        return false;
    }
    output_.append(as_bytes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                            "Connection: Upgrade\r\nSec-WebSocket-Accept: "));
    output_.append(as_bytes({accept, sizeof(accept)}));
    output_.append(as_bytes("\r\n\r\n"));
    open_ = true;
    flush();
    return true;
}

void FloorConnection::queue_text(std::string_view text) {
    uint8_t header[kMaxFrameHeaderBytes];
    const size_t size = encode_frame_header(header, Opcode::text, true, text.size());
    output_.append({header, size});
    output_.append(as_bytes(text));
}

void FloorConnection::flush() {
    while (socket_ >= 0 && !output_.empty()) {
        const ByteView bytes = output_.view();
        ssize_t sent = 0;
        bool blocked = false;
        if (ssl_ != nullptr) {
            ERR_clear_error();
            sent = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
            blocked =
                sent <= 0 && SSL_get_error(ssl_, static_cast<int>(sent)) == SSL_ERROR_WANT_WRITE;
        } else {
            sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            blocked = sent < 0 && errno == EAGAIN;
        }
        if (blocked && bytes.size() <= kMaxQueuedBytes) {
            return want(EPOLLIN | EPOLLOUT);
        }
        if (sent <= 0) {
            return end();
        }
        output_.spend(static_cast<size_t>(sent));
    }
    if (socket_ >= 0) {
        want(EPOLLIN);
    }
}

} // namespace mr::bench
