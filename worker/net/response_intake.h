// The receiving side of a request, whatever HTTP version carries it: head and body to the receiver,
// within the bounds and deadlines of the request; why it failed, if it did. Knows no connection.
// Lives in the coroutine that waits for the response.
#pragma once

#include "worker/async.h"
#include "worker/net/http_cause.h"

#include <exception>
#include <optional>

namespace mr::net {

class ResponseIntake {
  public:
    using Clock = std::chrono::steady_clock;
    enum class Taken : std::uint8_t {
        yes,
        paused, // nothing of it: to be given again after resumed()
        stop,   // the transfer has failed: give it up
    };

    // `receiver` outlives it.
    ResponseIntake(const boost::asio::any_io_executor& executor, const HttpRequest& request,
                   HttpReceiver& receiver);

    // Whom the receiver's resume() goes to.
    void attach(std::weak_ptr<Resumable> transfer);

    // ---- what comes. False: give the transfer up.
    bool head_bytes(std::size_t size); // of the head, status line and trailers included
    bool head(HttpHead head);          // the final one
    Taken body(std::string_view piece);
    void resumed();
    void end();                            // nothing more comes: whole, or lost
    void begin_again() { ended_ = false; } // on another connection, before anything has come
    // Found by who carries it; end() follows.
    void refuse(HttpFault fault) { fault_ = fault; }
    void refuse(std::exception_ptr thrown) { thrown_ = std::move(thrown); }

    bool head_done() const { return head_done_; }
    bool paused() const { return paused_; }
    bool any_byte() const { return any_byte_; }
    bool ended() const { return ended_; }

    // Until end() was called: true. False: the receiver has enough, and waiting for the end has
    // been long enough. Throws HttpError when a deadline passes.
    boost::asio::awaitable<bool> wait();
    // Why there is no connection for the request, as ByteStream::connect or secure threw it.
    [[noreturn]] void fail_to_connect(const std::exception_ptr& error) const;
    // Throws what the receiver threw, or what is wrong with the response. True: the receiver has
    // enough, whatever happened after that.
    bool check() const;
    [[noreturn]] void fail(HttpFault fault, std::string_view what,
                           HttpCause cause = HttpCause::other) const;

  private:
    void heard();
    Clock::time_point deadline() const;
    const char* late() const; // which deadline has passed

    std::string host_; // of the request, for messages
    HttpTimeouts limits_;
    std::size_t max_body_bytes_;
    HttpReceiver& receiver_;
    Signal done_;
    std::size_t head_bytes_ = 0;
    std::size_t body_bytes_ = 0;
    Clock::time_point started_;
    Clock::time_point last_byte_;
    std::optional<Clock::time_point> enough_; // since when the receiver needs nothing more
    std::optional<HttpFault> fault_;
    std::exception_ptr thrown_; // by the receiver
    bool any_byte_ = false;
    bool head_done_ = false;
    bool paused_ = false;
    bool pause_told_ = false; // to the receiver, by who waits
    bool ended_ = false;
};

// What both HTTP versions say of the same thing.
inline constexpr std::string_view kMalformedHeader = "malformed header";
inline constexpr std::string_view kNoConnection = "no connection in time";
inline constexpr std::string_view kNoHead = "the response has no head";

// Header lines of a request are "Name: value" on one line.
bool header_well_formed(std::string_view line);
std::string lower_case(std::string_view text);   // ASCII
std::string_view trimmed(std::string_view text); // without blanks and line ends around it

} // namespace mr::net
