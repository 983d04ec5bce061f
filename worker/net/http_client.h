// HTTP(S) requests from coroutines on the caller's event loop, no thread but that of the name
// lookup. Connections are kept for reuse; no redirects, no cookies, no proxy but the configured
// one, no signals. Knows nothing of providers or JSON.
//
// HTTP/1.1 is libcurl's multi interface, but for responses that trickle in without TLS (h1_pool.h):
// libcurl holds 13 KB for each of them. HTTP/2 is nghttp2 on our own connections (h2_pool.h),
// since in libcurl 7.88 a stream that pauses holds up all others of its connection, and one that is
// given up is not reset before something else is sent there.
//
// Cancellation: a coroutine that is cancelled (Asio, terminal) or destroyed while it waits here
// gives its request up in the same loop turn: an HTTP/1.1 connection, being in the middle of an
// exchange, is closed at once and never used again; an HTTP/2 stream is reset. What the receiver
// has been given stays given.
//
// https://curl.se/libcurl/c/libcurl-multi.html, curl_multi_socket_action(3)
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mr::net {

// All count from the start of the request but `idle`. While a receiver has paused, only `total`
// counts.
struct HttpTimeouts {
    std::chrono::milliseconds connect{5'000};     // name lookup, TCP, TLS
    std::chrono::milliseconds first_byte{30'000}; // of the response
    std::chrono::milliseconds idle{30'000};       // between two pieces of the response
    std::chrono::milliseconds total{120'000};
};

inline constexpr std::size_t kMaxResponseBytes = 16 * 1024 * 1024; // unless the request says less
inline constexpr std::size_t kMaxResponseHeadBytes = 64 * 1024;
// A response that its receiver has enough of may still end properly within this time, which keeps
// its connection; then it is closed. Either way it has ended well.
inline constexpr std::chrono::milliseconds kEnoughGrace{200};
inline constexpr std::size_t kMaxTransfers = 4096; // of one client at a time

struct HttpRequest {
    HttpRequest(std::string http_method, std::string http_url)
        : method(std::move(http_method)), url(std::move(http_url)) {}

    std::string method; // GET, POST, ...
    std::string url;    // http or https; in messages only scheme, host and port of it appear
    std::vector<std::string> headers; // "Name: value"
    std::string body;
    HttpTimeouts timeouts;
    std::size_t max_response_bytes = kMaxResponseBytes;
    // The response comes piece by piece over a long time: little memory is held for it meanwhile,
    // at the price of more reads, should it come fast.
    bool trickles = false;
    std::string ca_file; // these two instead of the client's, when not empty
    std::string proxy;
    std::string connect_to; // host:port connected to instead of the URL's; TLS checks the URL's
    // Asked when the connection stands, right before the request is sent; false withdraws it. A
    // process that was frozen meanwhile must not do late what another one has done. May be empty.
    std::function<bool()> still_wanted;
};

struct HttpHeader {
    std::string name; // lower case
    std::string value;
};

struct HttpHead {
    int status = 0;
    std::vector<HttpHeader> headers;

    // Value of the first header of that name (lower case); empty when there is none.
    std::string_view header(std::string_view name) const;
};

struct HttpResponse {
    HttpHead head;
    std::string body;
};

enum class HttpFault : std::uint8_t {
    bad_request, // not sent: the URL or a header is malformed
    refused,     // not sent: too many requests at a time
    withdrawn,   // not sent: not wanted any more
    connect,     // name lookup, connection, proxy
    tls,         // handshake or certificate
    timeout,
    lost, // the connection broke off
    too_large,
    protocol, // what came is not HTTP
};

// There is no whole response. An HTTP status of any kind is none of these. The text is for logs.
class HttpError : public std::runtime_error {
  public:
    HttpError(HttpFault fault, const std::string& text, bool any_byte)
        : std::runtime_error(text), fault_(fault), any_byte_(any_byte) {}
    HttpFault fault() const noexcept { return fault_; }
    // Something of the response had come.
    bool any_byte() const noexcept { return any_byte_; }

  private:
    HttpFault fault_;
    bool any_byte_;
};

// A transfer that may have paused, as a receiver knows it.
class Resumable {
  public:
    virtual ~Resumable() = default;
    virtual void resume() = 0;
};

// Takes a response piece by piece, on the event loop. Must not start a request from inside a call.
// What it throws ends the transfer and comes out of HttpClient::stream.
class HttpReceiver {
  public:
    enum class Flow : std::uint8_t {
        go_on,
        pause,  // nothing of the piece has been taken: see body()
        enough, // taken, and nothing more is needed: see kEnoughGrace
    };

    HttpReceiver() = default;
    HttpReceiver(const HttpReceiver&) = delete;
    HttpReceiver& operator=(const HttpReceiver&) = delete;
    virtual ~HttpReceiver() = default;

    // Once, before any body.
    virtual void head(const HttpHead& head) = 0;
    // After `pause` the connection is read no further, and the same bytes are given again after
    // resume().
    virtual Flow body(std::string_view piece) = 0;
    // Awaited, once for each `pause`, by whoever waits for the response: a place to wait for what
    // lets it go on. It has to end in time by itself, and what it throws ends the transfer.
    virtual boost::asio::awaitable<void> paused();

    // From the event loop, any time; the next body() comes from the loop, not from inside.
    void resume();

  private:
    friend class ResponseIntake;
    std::weak_ptr<Resumable> transfer_; // while it runs
};

struct HttpOptions {
    std::string ca_file; // PEM; empty: the certificates of the system
    std::string proxy;   // http://[user:password@]host:port; empty: none
    bool http2 = false;  // where it is offered, and no proxy stands between
    std::size_t max_transfers = kMaxTransfers;
};

class CurlCaches;
class CurlLoop;
class H1Pool;
class H2Pool;

// All requests of one client run on one event loop: that of its first request. Destroy it before
// the loop. Copies of connections, names and TLS sessions are its own.
class HttpClient {
  public:
    explicit HttpClient(HttpOptions options = HttpOptions());
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    // The whole response. Throws HttpError; operation_aborted when cancelled.
    boost::asio::awaitable<HttpResponse> request(HttpRequest request);
    // The response to the receiver, which outlives the call; returns at its end.
    boost::asio::awaitable<void> stream(HttpRequest request, HttpReceiver& receiver);

    std::size_t transfers() const { return *transfers_; } // under way

  private:
    boost::asio::awaitable<void> run(std::unique_ptr<HttpRequest> request, HttpReceiver& receiver);

    HttpOptions options_;
    std::shared_ptr<std::size_t> transfers_ = std::make_shared<std::size_t>(0);
    // Each made by its first request.
    std::shared_ptr<H2Pool> http2_;
    std::shared_ptr<CurlCaches> caches_;
    std::shared_ptr<CurlLoop> http1_;
    std::shared_ptr<H1Pool> trickling_;
};

} // namespace mr::net
