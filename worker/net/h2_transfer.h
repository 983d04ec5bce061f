// One request on an HTTP/2 connection. Lives in the coroutine that waits for it; its end resets the
// stream, if it is still open.
#pragma once

#include "worker/net/h2_session.h"
#include "worker/net/response_intake.h"

namespace mr::net {

class H2Transfer final : public Resumable,
                         public H2Sink,
                         public std::enable_shared_from_this<H2Transfer> {
  public:
    H2Transfer(const boost::asio::any_io_executor& executor, std::unique_ptr<HttpRequest> request,
               HttpReceiver& receiver);
    ~H2Transfer() override;
    H2Transfer(const H2Transfer&) = delete;
    H2Transfer& operator=(const H2Transfer&) = delete;

    // These three until it has run.
    const HttpRequest& request() const { return *request_; }
    std::unique_ptr<HttpRequest> take_request() { return std::move(request_); }
    const UrlTarget& target() const { return *target_; }
    // Throws HttpError; the same for a host that cannot be connected to.
    [[noreturn]] void fail(HttpFault fault, std::string_view what,
                           HttpCause cause = HttpCause::other) const {
        intake_.fail(fault, what, cause);
    }

    [[noreturn]] void fail_to_connect(const std::exception_ptr& error) const {
        intake_.fail_to_connect(error);
    }

    // Sends, waits, throws HttpError or what the receiver threw. False: the server has not looked
    // at the request, or the connection, which had served others before, was dead by then: to be
    // sent again on another one, once.
    boost::asio::awaitable<bool> run(std::shared_ptr<H2Session> session);

    void resume() override;

  private:
    H2Request make_request() const;
    void check() const;

    void on_header(std::string_view name, std::string_view value) override;
    void on_head_end() override;
    std::size_t on_data(std::string_view bytes) override;
    void on_closed(std::uint32_t error) override;
    void on_lost(const std::string& why) override;
    void take_held();

    boost::asio::any_io_executor executor_;
    std::unique_ptr<HttpRequest> request_; // until the response has a head, as the next
    ResponseIntake intake_;
    std::unique_ptr<UrlTarget> target_;
    std::shared_ptr<H2Session> session_;
    std::optional<std::int32_t> stream_; // open
    HttpHead head_;
    std::string held_;                   // while the receiver has paused; the window bounds it
    std::optional<std::uint32_t> error_; // the stream was closed with
    std::string lost_;                   // the connection, and why
    bool whole_behind_held_ = false;     // the response is over, behind what is held
};

} // namespace mr::net
