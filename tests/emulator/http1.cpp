// HTTP/1.1: requests one after the other; those that are pipelined wait. Boost.Beast parses.
#include "tests/emulator/carrier.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>
#include <charconv>

namespace mr::emulator {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::size_t kMaxPipelinedBytes = 1024 * 1024; // behind the request being answered

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::string status_line(int status) {
    const std::string_view reason =
        http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)));
    return "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason) + "\r\n";
}

std::string chunk_size(std::size_t size) {
    std::array<char, 20> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), size, 16).ptr;
    return std::string(text.data(), end) + "\r\n";
}

class Http1;

class Http1Exchange final : public Exchange {
  public:
    Http1Exchange(const asio::any_io_executor& executor, Request request,
                  std::shared_ptr<Http1> owner, std::shared_ptr<Channel> channel)
        : Exchange(executor, std::move(request)), owner_(std::move(owner)),
          channel_(std::move(channel)) {}

    void head(int status, const Headers& headers, std::optional<std::size_t> length) override {
        std::string text = status_line(status);
        for (const auto& [name, value] : headers) {
            text += name + ": " + value + "\r\n";
        }
        text += length ? "content-length: " + std::to_string(*length) + "\r\n\r\n"
                       : "transfer-encoding: chunked\r\n\r\n";
        chunked_ = !length;
        channel_->send(text);
    }

    void data(std::string_view bytes) override {
        if (bytes.empty()) {
            return; // an empty chunk would be the end
        }
        body_bytes_ += bytes.size();
        if (chunked_) { // one write, one TLS record
            channel_->send(chunk_size(bytes.size()).append(bytes).append("\r\n"));
        } else {
            channel_->send(bytes);
        }
    }

    void finish() override;
    void cut() override;
    void reset() override;
    Taken take_over(std::shared_ptr<Carrier> next) override;

    bool waiting() const { return waits_; }

  private:
    void waits(bool yes) override { waits_ = yes; }
    std::size_t unsent() const override { return channel_->unsent(); }
    void let_go();

    std::shared_ptr<Http1> owner_;
    std::shared_ptr<Channel> channel_;
    bool chunked_ = false, waits_ = false;
};

class Http1 final : public Carrier, public std::enable_shared_from_this<Http1> {
  public:
    Http1(std::shared_ptr<Channel> channel, const asio::any_io_executor& executor, Serve serve)
        : channel_(std::move(channel)), executor_(executor), serve_(std::move(serve)) {
        renew();
    }

    void arrived(std::string_view bytes) override {
        if (next_) {
            next_->arrived(bytes);
            return;
        }
        buffer_ += bytes;
        if (current_ && buffer_.size() > kMaxPipelinedBytes) {
            fail(431);
            return;
        }
        parse();
    }

    void sent() override {
        if (next_) {
            next_->sent();
        } else if (current_ && current_->waiting()) {
            current_->moved();
        }
    }

    void gone() override {
        if (next_) {
            next_->gone();
        } else if (const auto current = std::exchange(current_, nullptr)) {
            current->went_away();
        }
    }

    void finished() {
        current_ = nullptr;
        if (!keep_) {
            channel_->close(true);
            return;
        }
        parse();
    }

    void ended() { current_ = nullptr; } // with its connection

    // What has come and is no request.
    std::string hand_over(std::shared_ptr<Carrier> next) {
        next_ = std::move(next);
        current_ = nullptr;
        return std::exchange(buffer_, {});
    }

  private:
    using Parser = http::request_parser<http::string_body>;

    void renew() {
        parser_ = std::make_unique<Parser>();
        parser_->eager(true);
        parser_->body_limit(kMaxBodyBytes);
        parser_->header_limit(static_cast<std::uint32_t>(kMaxHeadBytes));
        continued_ = false;
        begun_.reset();
    }

    void parse() {
        while (!current_ && !next_ && !buffer_.empty()) {
            if (!begun_) {
                begun_ = Clock::now();
            }
            boost::system::error_code error;
            const std::size_t used = parser_->put(asio::buffer(buffer_), error);
            buffer_.erase(0, used);
            if (error && error != http::error::need_more) {
                fail(error == http::error::body_limit ? 413 : 400);
                return;
            }
            greet();
            if (parser_->is_done()) {
                dispatch();
            } else if (error || used == 0) {
                return;
            }
        }
    }

    void greet() {
        if (parser_->is_header_done() && !continued_) {
            continued_ = true;
            if (!parser_->is_done() &&
                parser_->get().find(http::field::expect) != parser_->get().end()) {
                channel_->send("HTTP/1.1 100 Continue\r\n\r\n");
            }
        }
    }

    void fail(int status) {
        channel_->send(status_line(status) + "connection: close\r\ncontent-length: 0\r\n\r\n");
        channel_->close(true);
    }

    void dispatch() {
        auto message = parser_->release();
        Request request;
        request.method = std::string_view(message.method_string());
        const std::string target(std::string_view(message.target()));
        const std::size_t mark = target.find('?');
        request.path = target.substr(0, mark);
        request.query = mark == std::string::npos ? "" : target.substr(mark + 1);
        for (const auto& field : message) {
            request.headers.emplace_back(lower(std::string_view(field.name_string())),
                                         std::string_view(field.value()));
        }
        const std::string* host = request.header("host");
        request.host = host ? *host : "";
        request.version = message.version() == 10 ? "1.0" : "1.1";
        request.connection = channel_->number();
        request.secure = channel_->secure();
        keep_ = message.keep_alive();
        request.body = std::move(message.body());
        request.begun = *begun_;
        request.arrived = Clock::now();
        renew();
        current_ = std::make_shared<Http1Exchange>(executor_, std::move(request),
                                                   shared_from_this(), channel_);
        serve_(current_);
    }

    std::shared_ptr<Channel> channel_;
    asio::any_io_executor executor_;
    Serve serve_;
    std::string buffer_;
    std::unique_ptr<Parser> parser_;
    std::optional<Clock::time_point> begun_;
    std::shared_ptr<Http1Exchange> current_;
    std::shared_ptr<Carrier> next_; // that has taken the connection over
    bool continued_ = false, keep_ = true;
};

void Http1Exchange::let_go() {
    if (const auto owner = std::exchange(owner_, nullptr)) {
        owner->ended();
    }
}

void Http1Exchange::finish() {
    if (chunked_) {
        channel_->send("0\r\n\r\n");
    }
    if (const auto owner = std::exchange(owner_, nullptr); owner && !gone_at()) {
        owner->finished();
    }
}

void Http1Exchange::cut() {
    channel_->close(false);
    let_go();
}

void Http1Exchange::reset() {
    channel_->abort();
    let_go();
}

Exchange::Taken Http1Exchange::take_over(std::shared_ptr<Carrier> next) {
    const auto owner = std::exchange(owner_, nullptr);
    return {channel_, owner ? owner->hand_over(std::move(next)) : std::string()};
}

} // namespace

std::shared_ptr<Carrier> http1_carrier(std::shared_ptr<Channel> channel,
                                       const asio::any_io_executor& executor, Serve serve) {
    return std::make_shared<Http1>(std::move(channel), executor, std::move(serve));
}

} // namespace mr::emulator
