#include "tests/emulator/websocket.h"

#include "shared/ws_handshake.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <span>
#include <utility>

namespace mr::emulator {
namespace {

namespace asio = boost::asio;

constexpr FrameLimits kLimits{.max_frame_bytes = kMaxSocketMessageBytes,
                              .max_message_bytes = kMaxSocketMessageBytes};

std::string_view value_of(const Request& request, std::string_view name) {
    const std::string* value = request.header(name);
    return value ? std::string_view(*value) : std::string_view();
}

} // namespace

std::string upgrade_problem(const Request& request) {
    if (request.method != "GET" || request.version != "1.1") {
        return "a WebSocket is asked for with GET and HTTP/1.1";
    }
    if (!token_list_contains(value_of(request, "upgrade"), "websocket") ||
        !token_list_contains(value_of(request, "connection"), "upgrade")) {
        return "no upgrade to a WebSocket is asked for";
    }
    if (value_of(request, "sec-websocket-version") != kWsVersion) {
        return "Sec-WebSocket-Version is not 13";
    }
    return key_valid(value_of(request, "sec-websocket-key")) ? ""
                                                             : "Sec-WebSocket-Key is not valid";
}

WebSocket::WebSocket(std::shared_ptr<Exchange> exchange)
    : exchange_(std::move(exchange)), timer_(exchange_->executor()),
      closing_(exchange_->executor()) {
    decoder_.lend_scratch(scratch_.data());
}

std::shared_ptr<WebSocket> WebSocket::accept(std::shared_ptr<Exchange> exchange,
                                             const Headers& headers) {
    const auto socket = std::make_shared<WebSocket>(exchange);
    Exchange::Taken taken = exchange->take_over(socket);
    socket->channel_ = std::move(taken.channel);
    std::string accept(kWsAcceptChars, '\0');
    (void)accept_key(value_of(exchange->request(), "sec-websocket-key"), accept.data());
    std::string head = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
                       "connection: Upgrade\r\nsec-websocket-accept: " +
                       accept + "\r\n";
    for (const auto& [name, value] : headers) {
        head += name + ": " + value + "\r\n";
    }
    socket->channel_->send(head + "\r\n");
    socket->arrived(taken.rest);
    return socket;
}

// ---- what comes

asio::awaitable<std::optional<SocketMessage>> WebSocket::receive(Clock::time_point until) {
    if (unread_.empty() && !over_ && Clock::now() < until) {
        timer_.expires_at(until);
        boost::system::error_code ignored;
        co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    if (unread_.empty()) {
        co_return std::nullopt;
    }
    std::optional<SocketMessage> message(std::move(unread_.front()));
    unread_.pop_front();
    unread_bytes_ -= message->payload.size();
    co_return message;
}

asio::awaitable<bool> WebSocket::pause_until(Clock::time_point time) {
    while (!over_ && Clock::now() < time) {
        timer_.expires_at(time);
        boost::system::error_code ignored;
        co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    co_return !over_;
}

void WebSocket::arrived(std::string_view bytes) {
    if (dead_ || over_) {
        return;
    }
    std::string input(bytes); // it is unmasked in place
    std::span<std::uint8_t> rest(reinterpret_cast<std::uint8_t*>(input.data()), input.size());
    const auto self = shared_from_this(); // a Close ends what holds it
    while (!over_) {
        const FrameEvent event = decoder_.next(rest, kLimits);
        if (event.kind == EventKind::need_more) {
            break;
        }
        take(event);
    }
}

void WebSocket::take(const FrameEvent& event) {
    const std::string_view payload(reinterpret_cast<const char*>(event.payload.data()),
                                   event.payload.size());
    switch (event.kind) {
    case EventKind::data:
        return take_data(event);
    case EventKind::ping:
        ++pings_;
        return send(Opcode::pong, payload);
    case EventKind::close:
        return take_close(event);
    case EventKind::error:
        close_frame(event.close_code, event.error_text);
        return end(true);
    case EventKind::pong:
    case EventKind::need_more:
    case EventKind::need_scratch:
    case EventKind::stopped:
        return;
    }
}

void WebSocket::take_data(const FrameEvent& event) {
    partial_.opcode = event.opcode;
    partial_.payload.append(reinterpret_cast<const char*>(event.payload.data()),
                            event.payload.size());
    if (!event.message_end) {
        return;
    }
    unread_bytes_ += partial_.payload.size();
    unread_.push_back(std::exchange(partial_, {}));
    if (unread_bytes_ > kMaxSocketUnreadBytes) {
        return reset();
    }
    timer_.cancel();
}

void WebSocket::take_close(const FrameEvent& event) {
    close_code_ = event.close_code;
    closed_by_client_ = !close_sent_;
    close_frame(event.close_code == 1005 ? 1000 : event.close_code, {});
    end(true);
}

void WebSocket::gone() {
    exchange_->went_away();
    over();
}

// ---- what goes

void WebSocket::send(Opcode opcode, std::string_view payload) {
    if (over_ || dead_ || close_sent_) {
        return;
    }
    if (is_control(opcode) || fragment_bytes_ == 0 || payload.size() <= fragment_bytes_) {
        return frame(opcode, true, payload);
    }
    while (!payload.empty()) {
        const std::string_view piece = payload.substr(0, fragment_bytes_);
        payload.remove_prefix(piece.size());
        frame(std::exchange(opcode, Opcode::continuation), payload.empty(), piece);
    }
}

void WebSocket::frame(Opcode opcode, bool fin, std::string_view payload) {
    std::array<std::uint8_t, kMaxFrameHeaderBytes> header{};
    const std::size_t size = encode_frame_header(header.data(), opcode, fin, payload.size());
    std::string bytes(reinterpret_cast<const char*>(header.data()), size);
    raw(bytes.append(payload)); // one write, one TLS record
}

void WebSocket::raw(std::string_view bytes) {
    if (!over_) {
        channel_->send(bytes);
    }
}

void WebSocket::close_frame(std::uint16_t code, std::string_view reason) {
    if (over_ || close_sent_) {
        return;
    }
    std::array<std::uint8_t, kMaxControlPayloadBytes> payload{};
    const std::size_t size = encode_close_payload(payload.data(), CloseCode(code), reason);
    frame(Opcode::close, true, {reinterpret_cast<const char*>(payload.data()), size});
    close_sent_ = true;
}

void WebSocket::close(std::uint16_t code, std::string_view reason) {
    if (over_ || close_sent_) {
        return;
    }
    close_frame(code, reason);
    closing_.expires_after(kSocketCloseLimit);
    closing_.async_wait([self = shared_from_this()](boost::system::error_code error) {
        if (!error && !self->over_) {
            self->end(true);
        }
    });
}

// ---- the end

void WebSocket::end(bool orderly) {
    channel_->close(orderly);
    over();
}

void WebSocket::cut() {
    if (!over_) {
        end(false);
    }
}

void WebSocket::reset() {
    if (!over_) {
        channel_->abort();
        over();
    }
}

void WebSocket::over() {
    over_ = true;
    timer_.cancel();
    closing_.cancel();
}

} // namespace mr::emulator
