#include "worker/net/proxy_tunnel.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cctype>
#include <optional>
#include <stdexcept>
#include <string>

namespace mr::net {

namespace asio = boost::asio;

namespace {

constexpr int kWantsAccess = 407;

std::string place_of(const StreamTarget& target) {
    const bool address = target.host.find(':') != std::string::npos;
    const std::string host = address ? "[" + target.host + "]" : target.host;
    return host + ":" + std::to_string(target.port);
}

std::string request_for(const StreamTarget& target) {
    const std::string place = place_of(target);
    std::string request = "CONNECT " + place + " HTTP/1.1\r\nHost: " + place + "\r\n";
    if (!target.proxy->authorization.empty()) {
        request += "Proxy-Authorization: " + target.proxy->authorization + "\r\n";
    }
    return request + "\r\n";
}

// Of "HTTP/1.1 200 ...".
std::optional<int> status_of(std::string_view answer) {
    constexpr std::string_view kBegin = "HTTP/1.";
    constexpr size_t kStatusAt = kBegin.size() + 2;
    if (!answer.starts_with(kBegin) || answer.size() < kStatusAt + 3 ||
        answer[kStatusAt - 1] != ' ') {
        return std::nullopt;
    }
    int status = 0;
    for (const char digit : answer.substr(kStatusAt, 3)) {
        if (std::isdigit(static_cast<unsigned char>(digit)) == 0) {
            return std::nullopt;
        }
        status = 10 * status + (digit - '0');
    }
    return status;
}

void judge(std::string_view answer, size_t header_bytes, const StreamTarget& target) {
    const std::optional<int> status = status_of(answer);
    if (!status) {
        throw std::runtime_error("the proxy does not speak HTTP/1.1");
    }
    if (*status == kWantsAccess) {
        throw std::runtime_error("the proxy wants a user and a password, or others (status 407): "
                                 "name them in its URL");
    }
    if (*status / 100 != 2) {
        throw std::runtime_error("the proxy does not connect to " + place_of(target) + " (status " +
                                 std::to_string(*status) + ")");
    }
    if (answer.size() != header_bytes) { // whoever is behind it speaks second
        throw std::runtime_error("the proxy says more than it was asked");
    }
}

} // namespace

asio::awaitable<void> open_tunnel(asio::ip::tcp::socket& socket, const StreamTarget& target) {
    const std::string request = request_for(target);
    boost::system::error_code error;
    co_await asio::async_write(socket, asio::buffer(request),
                               asio::redirect_error(asio::use_awaitable, error));
    std::string answer;
    size_t header_bytes = 0;
    if (!error) {
        header_bytes = co_await asio::async_read_until(
            socket, asio::dynamic_buffer(answer, kMaxTunnelAnswerBytes), "\r\n\r\n",
            asio::redirect_error(asio::use_awaitable, error));
    }
    if (error == asio::error::not_found) {
        throw std::runtime_error("the proxy's answer is too long");
    }
    if (error) {
        throw std::runtime_error("the proxy does not answer: " + error.message());
    }
    judge(answer, header_bytes, target);
}

} // namespace mr::net
