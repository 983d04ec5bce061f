#include "bench/load/target.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <cstring>
#include <stdexcept>

namespace mr::bench {
namespace {

[[noreturn]] void bad(const std::string& url, const std::string& why) {
    throw std::runtime_error("the target " + url + " " + why +
                             "; expected wss://host[:port]/path, as ./mr prints it");
}

void resolve(Target& target, const std::string& port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    const int status = getaddrinfo(target.host.c_str(), port.c_str(), &hints, &found);
    if (status != 0) {
        bad(target.url, std::string("cannot be resolved: ") + gai_strerror(status));
    }
    const addrinfo* chosen = found;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        if (one->ai_family == AF_INET) { // nginx listens there for sure
            chosen = one;
            break;
        }
    }
    std::memcpy(&target.address, chosen->ai_addr, chosen->ai_addrlen);
    target.address_size = chosen->ai_addrlen;
    freeaddrinfo(found);
    if (target.address.ss_family == AF_INET) {
        const auto& ip = reinterpret_cast<const sockaddr_in&>(target.address);
        target.loopback = (ntohl(ip.sin_addr.s_addr) >> 24) == 127;
    }
}

} // namespace

Target read_target(const std::string& url) {
    Target target;
    target.url = url;
    const size_t mark = url.find("://");
    const std::string scheme = mark == std::string::npos ? "" : url.substr(0, mark);
    target.tls = scheme == "wss" || scheme == "https";
    if (!target.tls && scheme != "ws" && scheme != "http") {
        bad(url, "is of no known kind");
    }
    const std::string rest = url.substr(mark + 3);
    const size_t slash = rest.find('/');
    std::string authority = rest.substr(0, slash);
    target.path = slash == std::string::npos ? "/" : rest.substr(slash);
    target.header = authority;
    std::string port = target.tls ? "443" : "80";
    const size_t colon = authority.rfind(':');
    if (colon != std::string::npos && authority.find(']', colon) == std::string::npos) {
        port = authority.substr(colon + 1);
        authority.resize(colon);
    }
    if (authority.size() > 2 && authority.front() == '[') {
        authority = authority.substr(1, authority.size() - 2);
    }
    target.host = authority;
    if (target.host.empty() || target.host.find('@') != std::string::npos) {
        bad(url, "has no host, or a user in it");
    }
    resolve(target, port);
    return target;
}

} // namespace mr::bench
