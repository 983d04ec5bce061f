#include "worker/net/h1_reader.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/none.hpp>
#include <utility>

namespace mr::net {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// The response's parts on their way to the intake.
class H1Reader::Parser final : public http::basic_parser<false> {
  public:
    Parser(ResponseIntake& intake, bool bodiless) : intake_(intake) {
        header_limit(kMaxResponseHeadBytes);
        body_limit(boost::none); // the intake's
        skip(bodiless);
    }

    bool interim() const { return status_ / 100 == 1; }
    bool stopped() const { return stopped_; } // by the intake, which knows why

  private:
    using Error = beast::error_code;
    using Text = beast::string_view;

    void on_request_impl(http::verb, Text, Text, int, Error&) override {}
    void on_response_impl(int status, Text, int, Error&) override {
        status_ = head_.status = status;
    }
    void on_field_impl(http::field, Text name, Text value, Error&) override {
        if (!intake_.head_done()) { // nobody needs trailers
            head_.headers.push_back({lower_case({name.data(), name.size()}), std::string(value)});
        }
    }
    void on_header_impl(Error& error) override {
        if (!interim() && !intake_.head(std::exchange(head_, {}))) {
            stop(error);
        }
    }
    void on_body_init_impl(const boost::optional<std::uint64_t>&, Error&) override {}
    std::size_t on_body_impl(Text piece, Error& error) override { return give(piece, error); }
    void on_chunk_header_impl(std::uint64_t, Text, Error&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, Text piece, Error& error) override {
        return give(piece, error);
    }
    void on_finish_impl(Error&) override {}

    std::size_t give(Text piece, Error& error) {
        switch (intake_.body({piece.data(), piece.size()})) {
        case ResponseIntake::Taken::paused:
            error = http::error::need_buffer;
            return 0;
        case ResponseIntake::Taken::stop:
            stop(error);
            break;
        case ResponseIntake::Taken::yes:
            break;
        }
        return piece.size();
    }

    void stop(Error& error) {
        stopped_ = true;
        error = http::error::end_of_stream;
    }

    ResponseIntake& intake_;
    HttpHead head_;
    int status_ = 0;
    bool stopped_ = false;
};

H1Reader::H1Reader(ResponseIntake& intake, bool bodiless)
    : intake_(intake), parser_(std::make_unique<Parser>(intake, bodiless)), bodiless_(bodiless) {}

H1Reader::~H1Reader() = default;

bool H1Reader::over() const {
    return !failed_ && parser_->is_done() && !parser_->interim();
}

bool H1Reader::reusable() const {
    return over() && parser_->keep_alive() && held_.empty();
}

void H1Reader::feed(std::string_view bytes) {
    if (held_.empty()) {
        held_ = bytes.substr(parse(bytes));
    } else {
        held_ += bytes;
        held_.erase(0, parse(held_));
    }
    const bool waits = !over() && !failed_ && !intake_.paused();
    if (waits && held_.size() > kMaxResponseHeadBytes) { // trailers, the line of a chunk
        fail(HttpFault::too_large);
    }
}

// How much of it.
std::size_t H1Reader::parse(std::string_view bytes) {
    std::size_t used = 0;
    while (used < bytes.size() && !over() && !failed_ && !intake_.paused()) {
        const bool in_head = !intake_.head_done();
        beast::error_code error;
        const std::size_t count =
            parser_->put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), error);
        used += count;
        if (in_head && !intake_.head_bytes(count)) {
            failed_ = true;
        } else if (error == http::error::need_more || error == http::error::need_buffer) {
            break;
        } else if (parser_->stopped()) {
            failed_ = true;
        } else if (error) {
            const bool large = error == http::error::header_limit;
            fail(large ? HttpFault::too_large : HttpFault::protocol);
        } else if (parser_->is_done() && parser_->interim()) {
            parser_ = std::make_unique<Parser>(intake_, bodiless_);
        }
    }
    return used;
}

bool H1Reader::end_of_stream() {
    if (parser_->got_some() && !over() && !failed_) {
        beast::error_code error;
        parser_->put_eof(error);
    }
    return over();
}

void H1Reader::fail(HttpFault fault) {
    intake_.refuse(fault);
    failed_ = true;
}

} // namespace mr::net
