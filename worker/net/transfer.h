// One request under way: the easy handle with its options, curl's callbacks, and the clocks of its
// deadlines. Lives in the coroutine that waits for it; its end takes the handle out of curl, which
// closes a connection in the middle of an exchange.
#pragma once

#include "worker/async.h"
#include "worker/net/curl_loop.h"
#include "worker/net/http_cause.h"

#include <array>
#include <exception>
#include <optional>

namespace mr::net {

class Transfer : public std::enable_shared_from_this<Transfer> {
  public:
    using Clock = std::chrono::steady_clock;

    Transfer(std::shared_ptr<CurlLoop> loop, HttpRequest request, HttpReceiver& receiver);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    // Starts, waits, throws HttpError or what the receiver threw.
    boost::asio::awaitable<void> run(const HttpOptions& options, bool http2);

    void ended(CURLcode result);
    void resume();

  private:
    void prepare(const HttpOptions& options);
    void prepare_connection(bool http2);
    void prepare_method();
    void prepare_headers();
    void check() const; // throws when the outcome is not a response
    [[noreturn]] void fail(HttpFault fault, std::string_view what,
                           HttpCause cause = HttpCause::other) const;
    Clock::time_point deadline() const;
    const char* late() const; // which deadline has passed
    std::string_view host() const;

    static std::size_t on_header(char* data, std::size_t size, std::size_t count,
                                 void* self) noexcept;
    static std::size_t on_body(char* data, std::size_t size, std::size_t count,
                               void* self) noexcept;
    static int on_socket_made(void* self, curl_socket_t fd, curlsocktype purpose) noexcept;
    static int on_ready_to_send(void* self, char*, char*, int, int) noexcept;
    void heard();
    bool take_header(std::string_view line);
    std::size_t take_body(std::string_view piece);

    std::shared_ptr<CurlLoop> loop_;
    HttpRequest request_;
    HttpReceiver& receiver_;
    CURL* handle_;
    curl_slist* headers_ = nullptr;
    curl_slist* connect_to_ = nullptr;
    std::array<char, CURL_ERROR_SIZE> error_text_{};
    Signal done_;
    HttpHead head_;
    std::size_t head_bytes_ = 0;
    std::size_t body_bytes_ = 0;
    Clock::time_point started_;
    Clock::time_point last_byte_;
    std::optional<Clock::time_point> enough_; // since when the receiver needs nothing more
    std::optional<CURLcode> result_;
    std::optional<HttpFault> fault_; // found by us
    std::exception_ptr thrown_;      // by the receiver
    bool running_ = false;           // known to curl
    bool any_byte_ = false;
    bool head_done_ = false;
    bool paused_ = false;
};

} // namespace mr::net
