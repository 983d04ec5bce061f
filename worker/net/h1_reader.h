// Reads a response of HTTP/1.1 from bytes that come in pieces of any size, of a connection with one
// request at a time: Boost.Beast's parser (RFC 9112), and the bounds of this house. Pure: no I/O.
// Keeps what cannot be read yet, and nothing of a body.
#pragma once

#include "worker/net/response_intake.h"

#include <memory>
#include <string>
#include <string_view>

namespace mr::net {

class H1Reader {
  public:
    // `intake` is told, and outlives it. `bodiless`: the request was a HEAD.
    H1Reader(ResponseIntake& intake, bool bodiless);
    ~H1Reader();

    // While the receiver has paused, it is kept; feed({}) goes on afterwards.
    void feed(std::string_view bytes);
    // The connection has no more. False: the response is not whole.
    bool end_of_stream();

    bool over() const;
    bool failed() const { return failed_; } // the intake knows why
    // After a response that is over: the connection takes another request.
    bool reusable() const;

  private:
    class Parser;

    std::size_t parse(std::string_view bytes);
    void fail(HttpFault fault);

    ResponseIntake& intake_;
    std::unique_ptr<Parser> parser_; // of this response, or of an interim one in front of it
    std::string held_;
    bool bodiless_;
    bool failed_ = false;
};

} // namespace mr::net
