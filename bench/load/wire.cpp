#include "bench/load/wire.h"

#include "bench/load/clock.h"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace mr::bench {
namespace {

constexpr const char* kEnd = "the server closed the connection";

std::string tls_cause() {
    const unsigned long code = ERR_get_error();
    const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
    return std::string("TLS: ") + (reason != nullptr ? reason : "the connection was cut");
}

} // namespace

ssize_t Wire::fault(const char* step) {
    why_ = std::string(step) + ": " + std::strerror(errno);
    return -1;
}

ssize_t Wire::tls_fault(int result) {
    const int error = SSL_get_error(ssl_, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return 0;
    }
    ended_ = error == SSL_ERROR_ZERO_RETURN;
    why_ = ended_ ? kEnd : tls_cause();
    return -1;
}

bool Wire::open() {
    close();
    begun_ = now_ns();
    connected_ = secured_ = 0;
    ended_ = false;
    if (!make_socket()) {
        fault("connect");
        return false;
    }
    wanted_ = EPOLLIN | EPOLLOUT;
    clients_.loop.add(socket_, wanted_, who_);
    return true;
}

bool Wire::make_socket() {
    const Target& target = clients_.target;
    socket_ = ::socket(target.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
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
    return ::connect(socket_, reinterpret_cast<const sockaddr*>(&target.address),
                     target.address_size) == 0 ||
           errno == EINPROGRESS;
}

void Wire::want(uint32_t events) {
    if (events != wanted_ && socket_ >= 0) {
        wanted_ = events;
        clients_.loop.change(socket_, events, who_);
    }
}

int Wire::go_on() {
    if (connected_ == 0) {
        int error = 0;
        socklen_t size = sizeof(error);
        getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
            errno = error;
            return static_cast<int>(fault("connect"));
        }
        connected_ = now_ns();
        if (clients_.tls != nullptr) {
            ssl_ = clients_.tls->make(socket_, clients_.target.host);
            if (ssl_ == nullptr) {
                why_ = "TLS: out of memory";
                return -1;
            }
        }
    }
    return ssl_ == nullptr ? 1 : shake_hands();
}

int Wire::shake_hands() {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_);
    if (done == 1) {
        secured_ = now_ns();
        clients_.tls->done(ssl_);
        return 1;
    }
    if (tls_fault(done) != 0) {
        return -1;
    }
    want(EPOLLIN | (SSL_want_write(ssl_) ? EPOLLOUT : 0u));
    return 0;
}

ssize_t Wire::write(std::span<const uint8_t> bytes) {
    if (ssl_ != nullptr) {
        ERR_clear_error();
        const int sent = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
        return sent > 0 ? sent : tls_fault(sent);
    }
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent >= 0 ? sent : errno == EAGAIN ? 0 : fault("send");
}

ssize_t Wire::read(std::span<uint8_t> room) {
    if (ssl_ != nullptr) {
        ERR_clear_error();
        const int count = SSL_read(ssl_, room.data(), static_cast<int>(room.size()));
        return count > 0 ? count : tls_fault(count);
    }
    const ssize_t count = recv(socket_, room.data(), room.size(), 0);
    if (count == 0) {
        ended_ = true;
        why_ = kEnd;
        return -1;
    }
    return count > 0 ? count : errno == EAGAIN ? 0 : fault("recv");
}

void Wire::close() {
    if (socket_ < 0) {
        return;
    }
    clients_.loop.remove(socket_, who_);
    if (ssl_ != nullptr) {
        // Or OpenSSL lets nobody resume the session of a connection that was cut, as browsers do.
        SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(ssl_);
    }
    ssl_ = nullptr;
    ::close(socket_);
    socket_ = -1;
}

void Wire::close_by_reset() {
    const linger at_once{1, 0};
    if (socket_ >= 0) {
        setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
    close();
}

} // namespace mr::bench
