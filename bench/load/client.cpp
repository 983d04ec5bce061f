#include "bench/load/client.h"

#include "bench/load/clock.h"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace mr::bench {
namespace {

constexpr size_t kReadBytes = 128 * 1024;
constexpr int kReadsAtOnce = 16; // then other connections get their turn
constexpr size_t kMaxMessageBytes = 64 << 20;

// Masks only have to be unpredictable to proxies between browsers and servers; a load generator
// draws them from a counter that is stirred, and does not pay a system call for each.
uint32_t draw_mask(void*) {
    static thread_local uint64_t state = static_cast<uint64_t>(now_ns());
    state += 0x9E3779B97F4A7C15ULL;
    uint64_t z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9ULL;
    return static_cast<uint32_t>(z ^ (z >> 31));
}

std::string cause(const char* step) {
    return std::string(step) + ": " + std::strerror(errno);
}

std::string tls_cause() {
    const unsigned long code = ERR_get_error();
    const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
    return std::string("TLS: ") + (reason != nullptr ? reason : "the connection was cut");
}

} // namespace

void Client::connect(std::string subprotocols, std::string path) {
    drop();
    subprotocols_ = std::move(subprotocols);
    path_ = path.empty() ? clients_.target.path : std::move(path);
    refused_status_ = 0;
    begun_ = now_ns();
    connected_ = secured_ = open_ = 0;
    bytes_read_ = 0;
    if (!open_socket()) {
        const std::string why = cause("connect");
        clients_.loop.at(0, [this, life = life_, why] {
            if (life == life_) {
                ended(why);
            }
        });
    }
}

bool Client::open_socket() {
    const Target& target = clients_.target;
    const int family = target.address.ss_family;
    socket_ = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket_ < 0) {
        return false;
    }
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (clients_.read_buffer > 0) {
        setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &clients_.read_buffer,
                   sizeof(clients_.read_buffer));
    }
    if (clients_.sources > 1) {
        sockaddr_in from{};
        from.sin_family = AF_INET;
        from.sin_addr.s_addr =
            htonl(INADDR_LOOPBACK + static_cast<uint32_t>(clients_.connections % clients_.sources));
        setsockopt(socket_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
        if (bind(socket_, reinterpret_cast<const sockaddr*>(&from), sizeof(from)) != 0) {
            return false;
        }
    }
    ++clients_.connections;
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&target.address),
                  target.address_size) != 0 &&
        errno != EINPROGRESS) {
        return false;
    }
    wanted_ = EPOLLIN | EPOLLOUT;
    clients_.loop.add(socket_, wanted_, *this);
    return true;
}

void Client::want(uint32_t events) {
    if (events != wanted_ && socket_ >= 0) {
        wanted_ = events;
        clients_.loop.change(socket_, events, *this);
    }
}

void Client::ready(uint32_t events) {
    const uint64_t life = life_;
    if (!ws_) {
        go_on();
        return;
    }
    if ((events & EPOLLOUT) != 0) {
        flush();
    }
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        allowed_ = UINT64_MAX; // nobody will send more: what is left, and the end
    }
    if (life == life_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && allowed_ != 0) {
        read();
    }
}

void Client::go_on() {
    if (connected_ == 0) {
        int error = 0;
        socklen_t size = sizeof(error);
        getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
            errno = error;
            return ended(cause("connect"));
        }
        connected_ = now_ns();
        if (clients_.tls != nullptr) {
            ssl_ = clients_.tls->make(socket_, clients_.target.host);
            if (ssl_ == nullptr) {
                return ended("TLS: out of memory");
            }
        }
    }
    if (ssl_ == nullptr || shake_hands()) {
        start_upgrade();
    }
}

bool Client::shake_hands() {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_);
    if (done == 1) {
        secured_ = now_ns();
        clients_.tls->done(ssl_);
        return true;
    }
    const int error = SSL_get_error(ssl_, done);
    if (error == SSL_ERROR_WANT_READ) {
        want(EPOLLIN);
    } else if (error == SSL_ERROR_WANT_WRITE) {
        want(EPOLLIN | EPOLLOUT);
    } else {
        ended(tls_cause());
    }
    return false;
}

void Client::start_upgrade() {
    options_.target = {clients_.target.header, path_, subprotocols_, {}};
    options_.limits.max_frame_bytes = options_.limits.max_message_bytes = kMaxMessageBytes;
    ws_ = std::make_unique<WsClient>(options_, WsMasks{draw_mask, nullptr});
    uint8_t key[kWsKeyRandomBytes];
    for (size_t i = 0; i < sizeof(key); i += sizeof(uint32_t)) {
        const uint32_t bits = draw_mask(nullptr);
        std::memcpy(key + i, &bits, sizeof(bits));
    }
    if (const char* problem = ws_->start(key)) {
        return ended(std::string("upgrade: ") + problem);
    }
    flush();
}

void Client::flush() {
    while (ws_ && !ws_->output().empty()) {
        const ByteView bytes = ws_->output();
        ssize_t sent = 0;
        if (ssl_ != nullptr) {
            ERR_clear_error();
            sent = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
            if (sent <= 0) {
                const int error = SSL_get_error(ssl_, static_cast<int>(sent));
                if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) {
                    break;
                }
                return ended(tls_cause());
            }
        } else {
            sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent < 0) {
                if (errno == EAGAIN) {
                    break;
                }
                return ended(cause("send"));
            }
        }
        ws_->spend(static_cast<size_t>(sent));
    }
    const uint32_t writing = ws_->output().empty() ? 0u : EPOLLOUT;
    want((allowed_ == 0 ? 0u : EPOLLIN) | writing);
}

void Client::read() {
    static thread_local std::vector<uint8_t> buffer(kReadBytes);
    const uint64_t life = life_;
    for (int i = 0; i < kReadsAtOnce && allowed_ != 0; ++i) {
        const size_t room = std::min<uint64_t>(buffer.size(), allowed_);
        ssize_t count = 0;
        if (ssl_ != nullptr) {
            ERR_clear_error();
            count = SSL_read(ssl_, buffer.data(), static_cast<int>(room));
            if (count <= 0) {
                const int error = SSL_get_error(ssl_, static_cast<int>(count));
                if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
                    break;
                }
                return ended(error == SSL_ERROR_ZERO_RETURN ? "the server closed the connection"
                                                            : tls_cause());
            }
        } else {
            count = recv(socket_, buffer.data(), room, 0);
            if (count == 0) {
                return ended("the server closed the connection");
            }
            if (count < 0) {
                if (errno == EAGAIN) {
                    break;
                }
                return ended(cause("recv"));
            }
        }
        bytes_read_ += static_cast<uint64_t>(count);
        allowed_ -= allowed_ != UINT64_MAX ? static_cast<uint64_t>(count) : 0;
        take({buffer.data(), static_cast<size_t>(count)});
        if (life != life_) {
            return;
        }
        if (ssl_ == nullptr && static_cast<size_t>(count) < room) {
            break;
        }
    }
    if (!ws_->output().empty() || allowed_ == 0) {
        flush();
    }
}

void Client::take(std::span<uint8_t> input) {
    const uint64_t life = life_;
    while (life == life_) {
        const WsClientEvent event = ws_->next(input);
        switch (event.kind) {
        case WsClientEventKind::need_more:
            return;
        case WsClientEventKind::upgraded:
            open_ = now_ns();
            owner_.client_open(*this);
            break;
        case WsClientEventKind::refused:
            refused_status_ = ws_->response().status;
            return ended("upgrade: refused with " + std::to_string(refused_status_));
        case WsClientEventKind::broken:
            return ended(std::string("upgrade: ") + event.text);
        case WsClientEventKind::data:
            if (event.opcode == Opcode::text) {
                owner_.client_text(*this, as_text(event.payload));
            } else {
                owner_.client_binary(*this, event.payload);
            }
            break;
        case WsClientEventKind::violation:
            return ended(std::string("the server broke a rule: ") + event.text);
        case WsClientEventKind::close:
            flush();
            if (life == life_) {
                ended("closed with " + std::to_string(event.close_code));
            }
            return;
        case WsClientEventKind::ping:
        case WsClientEventKind::pong:
            break;
        }
    }
}

bool Client::send(std::string_view text) {
    if (!is_open() || ws_->send(Opcode::text, as_bytes(text)) != WsSend::queued) {
        return false;
    }
    flush();
    return true;
}

bool Client::send_binary(ByteView bytes) {
    if (!is_open() || ws_->send(Opcode::binary, bytes) != WsSend::queued) {
        return false;
    }
    flush();
    return true;
}

void Client::close(CloseCode code) {
    if (is_open()) {
        ws_->close(code);
        flush();
    } else if (!is_idle()) {
        ended("given up");
    }
}

void Client::allow(uint64_t bytes) {
    allowed_ = bytes;
    if (!ws_) {
        return;
    }
    flush();
    if (ssl_ != nullptr) { // TLS may hold what the socket does not tell of
        clients_.loop.at(0, [this, life = life_] {
            if (life == life_ && allowed_ != 0) {
                read();
            }
        });
    }
}

void Client::drop() {
    if (socket_ < 0) {
        return;
    }
    ++life_;
    clients_.loop.remove(socket_, *this);
    SSL_free(ssl_);
    ssl_ = nullptr;
    ::close(socket_);
    socket_ = -1;
    ws_.reset();
}

void Client::reset() {
    const linger at_once{1, 0};
    if (socket_ >= 0) {
        setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
    drop();
}

void Client::ended(const std::string& why) {
    drop();
    owner_.client_ended(*this, why);
}

} // namespace mr::bench
