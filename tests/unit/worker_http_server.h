// A scripted HTTP server on the loop of a test: takes one request per connection, or more where the
// script says so, and does byte by byte what the script wants. Knows when its peer closed.
#pragma once

#include "tests/unit/worker_loop.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace mr::test {

class HttpPeer {
  public:
    explicit HttpPeer(boost::asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}

    // Head and body of the next request; empty when the client has closed.
    boost::asio::awaitable<std::string> request() {
        auto result = co_await boost::asio::async_read_until(
            socket_, boost::asio::dynamic_buffer(input_), "\r\n\r\n",
            boost::asio::as_tuple(boost::asio::use_awaitable));
        if (std::get<0>(result)) {
            co_return std::string();
        }
        std::size_t size = std::get<1>(result);
        const std::size_t length = input_.find("Content-Length: ");
        if (length < size) {
            size += std::stoul(input_.substr(length + 16));
        }
        while (input_.size() < size) {
            std::array<char, 4096> more{};
            const std::size_t got = co_await socket_.async_read_some(boost::asio::buffer(more),
                                                                     boost::asio::use_awaitable);
            input_.append(more.data(), got);
        }
        std::string request = input_.substr(0, size);
        input_.erase(0, size);
        co_return request;
    }
    // False: the client has gone.
    boost::asio::awaitable<bool> send(std::string text) {
        auto result = co_await boost::asio::async_write(
            socket_, boost::asio::buffer(text), boost::asio::as_tuple(boost::asio::use_awaitable));
        co_return !std::get<0>(result);
    }
    // Until the client closes.
    boost::asio::awaitable<void> closed() {
        for (;;) {
            std::array<char, 4096> ignored{};
            auto result = co_await socket_.async_read_some(
                boost::asio::buffer(ignored), boost::asio::as_tuple(boost::asio::use_awaitable));
            if (std::get<0>(result)) {
                co_return;
            }
        }
    }
    void reset() {
        socket_.set_option(boost::asio::socket_base::linger(true, 0));
        socket_.close();
    }

  private:
    boost::asio::ip::tcp::socket socket_;
    std::string input_;
};

class HttpServer {
  public:
    using Script = std::function<boost::asio::awaitable<void>(HttpPeer& peer)>;

    HttpServer(Loop& loop, Script script)
        : acceptor_(loop.context, {boost::asio::ip::address_v4::loopback(), 0}),
          script_(std::move(script)) {
        boost::asio::co_spawn(loop.context, [this] { return accept(); }, boost::asio::detached);
    }

    std::string url(const std::string& path = "/") const {
        return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + path;
    }
    int connections() const { return connections_; }
    int open() const { return open_; } // scripts that run

  private:
    boost::asio::awaitable<void> accept() {
        for (;;) {
            auto socket = co_await acceptor_.async_accept(boost::asio::use_awaitable);
            ++connections_;
            auto peer = std::make_shared<HttpPeer>(std::move(socket));
            ++open_;
            boost::asio::co_spawn(
                acceptor_.get_executor(), [this, peer] { return script_(*peer); },
                [this, peer](const std::exception_ptr&) { --open_; });
        }
    }

    boost::asio::ip::tcp::acceptor acceptor_;
    Script script_;
    int connections_ = 0;
    int open_ = 0;
};

// A whole answer.
inline std::string http_answer(const std::string& body, const std::string& status = "200 OK",
                               const std::string& headers = "") {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           headers + "\r\n" + body;
}

} // namespace mr::test
