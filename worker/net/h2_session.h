// One HTTP/2 connection to a server (RFC 9113), on nghttp2: requests side by side, each with a
// window of its own, so that a slow reader holds up nobody else; a request that is given up is
// reset at once. Knows nothing of deadlines of requests, or of connecting again.
//
// One event loop. Kept alive by its own coroutines until it is closed.
#pragma once

#include "worker/async.h"
#include "worker/net/http_cause.h"
#include "worker/net/url_target.h"

#include <nghttp2/nghttp2.h>

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <unordered_map>

namespace mr::net {

inline constexpr std::size_t kH2ReadBytes = 32 * 1024;
inline constexpr std::size_t kH2WriteBytes = 64 * 1024;       // gathered for one write
inline constexpr std::int32_t kH2StreamWindow = 256 * 1024;   // what a paused request may hold
inline constexpr std::int32_t kH2Window = 16 * 1024 * 1024;   // of the connection
inline constexpr std::uint32_t kH2StreamsPerConnection = 100; // the server may allow fewer
inline constexpr std::chrono::seconds kH2Look{5};             // the clock of those below
inline constexpr std::chrono::seconds kH2Silence{20};         // with requests under way: ask
inline constexpr std::chrono::seconds kH2IdleLimit{60};       // without any: close

// What a request is told. It is not told anything from inside its own calls but on_lost.
class H2Sink {
  public:
    virtual ~H2Sink() = default;
    virtual void on_header(std::string_view name, std::string_view value) = 0;
    virtual void on_head_end() = 0;
    // How much of it is dealt with: the window grows by that. The rest is kept by who was told.
    virtual std::size_t on_data(std::string_view bytes) = 0;
    // The stream is over: properly, or with the error code of RFC 9113 section 7.
    virtual void on_closed(std::uint32_t error) = 0;
    // The connection is gone with it.
    virtual void on_lost(const std::string& why) = 0;
};

struct H2Request {
    std::vector<HttpHeader> fields; // the pseudo fields first
    std::string body;
};

class H2Session : public std::enable_shared_from_this<H2Session> {
  public:
    static std::shared_ptr<H2Session> make(const boost::asio::any_io_executor& executor,
                                           StreamTarget target, std::shared_ptr<TlsTrust> trust);
    ~H2Session();
    H2Session(const H2Session&) = delete;
    H2Session& operator=(const H2Session&) = delete;

    // First of all; once. Until the server has said how many requests it takes at a time. Throws
    // what ByteStream does. False: the server speaks no HTTP/2, and this is of no more use.
    boost::asio::awaitable<bool> open();
    void close();

    bool has_room() const; // takes another request
    bool over() const { return closed_; }
    std::uint64_t served() const { return served_; }                       // requests sent so far
    std::chrono::steady_clock::time_point heard() const { return heard_; } // the last byte

    // The sink is told until the stream is over or dropped. Null: it cannot be sent.
    std::optional<std::int32_t> submit(H2Sink& sink, H2Request request);
    // Not wanted any more: reset, and its sink forgotten.
    void drop(std::int32_t stream);
    // So much of what on_data left is dealt with now.
    void consumed(std::int32_t stream, std::size_t size);

  private:
    using Clock = std::chrono::steady_clock;
    struct Stream {
        H2Sink* sink = nullptr; // null: dropped
        std::string body;       // of the request
        std::size_t sent = 0;
    };

    H2Session(const boost::asio::any_io_executor& executor, StreamTarget target,
              std::shared_ptr<TlsTrust> trust);

    void begin();
    boost::asio::awaitable<void> read();
    void flush();
    void written(boost::system::error_code error);
    void lose(const std::string& why);
    void watch();
    void look();
    H2Sink* sink_of(std::int32_t stream);

    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                         std::uint8_t flags, void* self);
    static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self);
    static int on_data(nghttp2_session*, std::uint8_t flags, std::int32_t stream,
                       const std::uint8_t* data, std::size_t size, void* self);
    static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self);
    static ssize_t read_body(nghttp2_session*, std::int32_t stream, std::uint8_t* into,
                             std::size_t room, std::uint32_t* flags, nghttp2_data_source*,
                             void* self);

    boost::asio::any_io_executor executor_;
    std::unique_ptr<ByteStream> stream_;
    nghttp2_session* session_ = nullptr;
    std::unordered_map<std::int32_t, Stream> streams_;
    std::array<std::uint8_t, kH2ReadBytes> input_{};
    std::vector<std::uint8_t> writing_; // not empty: a write is under way
    boost::asio::steady_timer clock_;
    Clock::time_point heard_{};
    Clock::time_point used_{}; // when the last request ended
    std::uint64_t served_ = 0;
    Signal settled_;          // the server's settings have come, or it is over
    bool settings_ = false;   // have come
    bool asked_ = false;      // by a PING that has not been answered
    bool going_away_ = false; // the server takes no more
    bool receiving_ = false;  // inside nghttp2: what is to be sent waits
    bool closed_ = false;
};

} // namespace mr::net
