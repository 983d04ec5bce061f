// An HTTP proxy on the loop of a test: takes CONNECT, notes what it was asked, and carries bytes
// both ways, or answers as a test wants it.
#pragma once

#include "tests/unit/worker_ws_server.h"

#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>

namespace mr::test {

class ProxyServer {
  public:
    // `answer` instead of the way through, when not empty.
    explicit ProxyServer(Loop& loop, std::string answer = {})
        : acceptor_(loop.context, {boost::asio::ip::address_v4::loopback(), 0}),
          answer_(std::move(answer)) {
        boost::asio::co_spawn(loop.context, [this] { return accept(); }, boost::asio::detached);
    }

    std::string place() const {
        return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }
    std::string url(const std::string& user = {}) const { return "http://" + user + place(); }

    std::vector<std::string> requests;

  private:
    using Socket = boost::asio::ip::tcp::socket;

    awaitable<void> accept() {
        for (;;) {
            Socket socket = co_await acceptor_.async_accept(boost::asio::use_awaitable);
            auto client = std::make_shared<Socket>(std::move(socket));
            boost::asio::co_spawn(
                acceptor_.get_executor(), [this, client] { return serve(client); },
                [](const std::exception_ptr&) {});
        }
    }

    awaitable<void> serve(std::shared_ptr<Socket> client) {
        std::string request;
        co_await boost::asio::async_read_until(*client, boost::asio::dynamic_buffer(request),
                                               "\r\n\r\n", boost::asio::use_awaitable);
        requests.push_back(request);
        if (!answer_.empty()) {
            co_await boost::asio::async_write(*client, boost::asio::buffer(answer_),
                                              boost::asio::use_awaitable);
            co_await carry(client, nullptr);
            co_return;
        }
        // To whichever host it is: tests have one.
        const size_t colon = request.find(':');
        const auto port = static_cast<uint16_t>(std::stoul(request.substr(colon + 1)));
        auto server = std::make_shared<Socket>(acceptor_.get_executor());
        co_await server->async_connect({boost::asio::ip::address_v4::loopback(), port},
                                       boost::asio::use_awaitable);
        const std::string agreed = "HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n";
        co_await boost::asio::async_write(*client, boost::asio::buffer(agreed),
                                          boost::asio::use_awaitable);
        boost::asio::co_spawn(
            acceptor_.get_executor(), [client, server] { return carry(server, client); },
            [](const std::exception_ptr&) {});
        co_await carry(client, server);
    }

    // Until `from` ends; to nobody without `to`.
    static awaitable<void> carry(std::shared_ptr<Socket> from, std::shared_ptr<Socket> to) {
        std::string bytes(16 * 1024, '\0');
        boost::system::error_code error;
        while (!error) {
            const size_t size = co_await from->async_read_some(
                boost::asio::buffer(bytes),
                boost::asio::redirect_error(boost::asio::use_awaitable, error));
            if (to != nullptr && size > 0) {
                co_await boost::asio::async_write(
                    *to, boost::asio::buffer(bytes.data(), size),
                    boost::asio::redirect_error(boost::asio::use_awaitable, error));
            }
        }
        if (to != nullptr) {
            to->close(error);
        }
    }

    boost::asio::ip::tcp::acceptor acceptor_;
    std::string answer_;
};

} // namespace mr::test
