// What the tests of the HTTP client share: receivers, requests that can be cancelled, their
// outcome.
#pragma once

#include "tests/unit/worker_http_server.h"
#include "worker/net/http_client.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <cstdio>
#include <optional>

namespace mr::test {

using boost::asio::awaitable;
using net::HttpClient;
using net::HttpError;
using net::HttpFault;
using net::HttpReceiver;
using net::HttpRequest;
using net::HttpResponse;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

inline constexpr const char* kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

inline std::string chunk(const std::string& text) {
    char size[20];
    std::snprintf(size, sizeof(size), "%zx", text.size());
    return std::string(size) + "\r\n" + text + "\r\n";
}

// What every test of the client has to hold for: a response that trickles is read by a connection
// of our own where it is not encrypted, any other by libcurl.
class HttpClientTest : public testing::TestWithParam<bool> {
  protected:
    HttpClientTest() { trickling = GetParam(); }
    ~HttpClientTest() override { trickling = false; }
    HttpClientTest(const HttpClientTest&) = delete;
    HttpClientTest& operator=(const HttpClientTest&) = delete;

  public:
    static inline bool trickling = false;
};

inline HttpRequest request_of(const std::string& method, const std::string& url) {
    HttpRequest request(method, url);
    request.trickles = HttpClientTest::trickling;
    return request;
}

inline HttpRequest get(const std::string& url) {
    return request_of("GET", url);
}

// Answers every request of a connection in the same way.
inline HttpServer::Script answers(std::string answer) {
    return [answer](HttpPeer& peer) -> awaitable<void> {
        for (;;) {
            const std::string request = co_await peer.request();
            if (request.empty()) {
                co_return;
            }
            co_await peer.send(answer);
        }
    };
}

class Collector final : public HttpReceiver {
  public:
    void head(const net::HttpHead& head) override { status = head.status; }
    Flow body(std::string_view piece) override {
        if (hold) {
            ++held;
            return Flow::pause;
        }
        text += piece;
        ++pieces;
        if (on_piece) {
            on_piece();
        }
        return text.ends_with(last_words) ? Flow::enough : Flow::go_on;
    }
    int status = 0;
    int pieces = 0;
    int held = 0;
    bool hold = false;
    std::string text;
    std::string last_words = "enough";
    std::function<void()> on_piece;
};

// Runs a coroutine that can be cancelled.
struct Cancellable {
    Cancellable(Loop& loop, awaitable<void> work) {
        boost::asio::co_spawn(
            loop.context, std::move(work),
            boost::asio::bind_cancellation_slot(signal.slot(), [this](std::exception_ptr error) {
                failure = std::move(error);
                done = true;
            }));
    }
    void cancel() { signal.emit(boost::asio::cancellation_type::terminal); }
    bool aborted() const {
        try {
            if (failure) {
                std::rethrow_exception(failure);
            }
        } catch (const boost::system::system_error& error) {
            return error.code() == boost::asio::error::operation_aborted;
        } catch (const std::exception&) {
            return false;
        }
        return false;
    }

    boost::asio::cancellation_signal signal;
    std::exception_ptr failure;
    bool done = false;
};

// Turns the loop until the condition holds.
inline bool turn(Loop& loop, const std::function<bool()>& condition,
                 milliseconds limit = std::chrono::seconds(10)) {
    loop.context.restart();
    const auto end = Clock::now() + limit;
    while (!condition() && Clock::now() < end) {
        loop.context.run_one_for(milliseconds(20));
    }
    return condition();
}

inline std::optional<HttpError> failure_of(Loop& loop, HttpClient& client, HttpRequest request) {
    std::optional<HttpError> failure;
    loop.run(
        [](HttpClient& http, HttpRequest wanted, std::optional<HttpError>& out) -> awaitable<void> {
            try {
                co_await http.request(std::move(wanted));
            } catch (const HttpError& error) {
                out = error;
            }
        }(client, std::move(request), failure));
    return failure;
}

inline HttpResponse response_of(Loop& loop, HttpClient& client, HttpRequest request) {
    HttpResponse response;
    loop.run([](HttpClient& http, HttpRequest wanted, HttpResponse& out) -> awaitable<void> {
        out = co_await http.request(std::move(wanted));
    }(client, std::move(request), response));
    return response;
}

} // namespace mr::test
