#include "bench/peers/link.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace mr::bench {
namespace {

constexpr size_t kReadBytes = 16 * 1024;
constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kLoopback = "127.0.0.1:";

bool connect_unix(int socket, std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

bool connect_tcp(int socket, const std::string& port) {
    const int on = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(std::atoi(port.c_str())));
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

} // namespace

Link::Link(Loop& loop, std::string address, Take take)
    : loop_(loop), address_(std::move(address)), take_(std::move(take)), wanted_(EPOLLIN) {
    const bool local = address_.starts_with(kUnix);
    if (!local && !address_.starts_with(kLoopback)) {
        throw std::runtime_error(address_ + " is neither unix:/path nor 127.0.0.1:port");
    }
    socket_ = socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool made = local ? connect_unix(socket_, std::string_view(address_).substr(kUnix.size()))
                            : connect_tcp(socket_, address_.substr(kLoopback.size()));
    if (!made) {
        const std::string why = std::strerror(errno);
        ::close(socket_);
        throw std::runtime_error("cannot connect to " + address_ + ": " + why);
    }
    loop_.add(socket_, wanted_, *this);
}

Link::~Link() {
    loop_.remove(socket_, *this);
    ::close(socket_);
}

void Link::lost(const char* why) const {
    throw std::runtime_error(address_ + " is gone: " + why);
}

void Link::ready(uint32_t events) {
    if ((events & EPOLLOUT) != 0) {
        flush();
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        read();
    }
}

void Link::read() {
    char buffer[kReadBytes];
    for (;;) {
        const ssize_t count = recv(socket_, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (count > 0) {
            take_({buffer, static_cast<size_t>(count)});
        } else if (count < 0 && errno == EAGAIN) {
            return;
        } else {
            lost(count == 0 ? "it closed the connection" : std::strerror(errno));
        }
    }
}

void Link::flush() {
    while (!output_.empty()) {
        const ByteView bytes = output_.view();
        const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) {
                lost(std::strerror(errno));
            }
            break;
        }
        output_.spend(static_cast<size_t>(sent));
    }
    const uint32_t events = output_.empty() ? uint32_t{EPOLLIN} : uint32_t{EPOLLIN | EPOLLOUT};
    if (events != wanted_) {
        wanted_ = events;
        loop_.change(socket_, events, *this);
    }
}

} // namespace mr::bench
