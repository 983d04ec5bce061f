// Reads a response of HTTP/1.1 from bytes that come in pieces of any size (RFC 9112), of a
// connection with one request at a time. Pure: no I/O. Remote input: bounded, nothing of it is
// trusted. Keeps a line that has not ended yet, and nothing of a body.
#pragma once

#include "worker/net/response_intake.h"

namespace mr::net {

inline constexpr std::size_t kMaxChunkLineBytes = 4 * 1024; // size and extensions

class H1Reader {
  public:
    // `intake` is told, and outlives it. `bodiless`: the request was a HEAD.
    H1Reader(ResponseIntake& intake, bool bodiless) : intake_(intake), bodiless_(bodiless) {}

    // How much of it is dealt with: all of it, unless the receiver has paused, the response is over
    // or it has failed.
    std::size_t feed(std::string_view bytes);
    // The connection has no more. False: the response is not whole.
    bool end_of_stream();

    bool over() const { return state_ == State::over; }
    bool failed() const { return state_ == State::failed; } // the intake knows why
    // After a response that is over: the connection takes another request.
    bool reusable() const { return over() && keep_; }

  private:
    enum class State : std::uint8_t {
        head,
        body,       // so many bytes
        rest,       // all that comes
        chunk_size, // a line with it
        chunk,
        chunk_end, // the end of line behind it
        trailers,
        over,
        failed,
    };

    std::size_t take_line(std::string_view bytes);
    std::size_t take_body(std::string_view bytes);
    void line(std::string_view text);
    void end_of_head();
    void fail(HttpFault fault);

    ResponseIntake& intake_;
    HttpHead head_;
    std::string line_;       // the beginning of one that has not ended yet
    std::uint64_t left_ = 0; // of the body, or of the chunk
    State state_ = State::head;
    bool bodiless_;
    bool keep_ = false;
};

} // namespace mr::net
