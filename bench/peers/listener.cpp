#include "bench/peers/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace mr::bench {
namespace {

constexpr int kBacklog = 4096;

} // namespace

Listener::Listener(Loop& loop, uint16_t port, std::function<void(int)> accepted)
    : loop_(loop), accepted_(std::move(accepted)),
      socket_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    socklen_t size = sizeof(address);
    setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        listen(socket_, kBacklog) != 0 ||
        getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        const std::string why = std::strerror(errno);
        ::close(socket_);
        throw std::runtime_error("cannot listen on port " + std::to_string(port) + ": " + why);
    }
    port_ = ntohs(address.sin_port);
    loop_.add(socket_, EPOLLIN, *this);
}

Listener::~Listener() {
    loop_.remove(socket_, *this);
    ::close(socket_);
}

void Listener::ready(uint32_t) {
    for (;;) {
        const int made = accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (made < 0) {
            return; // none is left, or none can be had now
        }
        const int on = 1;
        setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        accepted_(made);
    }
}

} // namespace mr::bench
