#include "worker/net/ws_link.h"

#include "worker/random.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

namespace mr::net {

namespace asio = boost::asio;

namespace {

std::string in_ms(std::chrono::milliseconds time) {
    return std::to_string(time.count()) + " ms";
}

// A process without randomness cannot go on: random_u32() throws, which ends it here.
uint32_t draw_mask(void*) noexcept {
    return random_u32();
}

} // namespace

WsLink::WsLink(const asio::any_io_executor& executor, const WsOptions& options)
    : opened(executor), received(executor), room(executor), over(executor), executor_(executor),
      options_(options), url_(options_.url), engine_(engine_options_, {&draw_mask, nullptr}),
      resumed_(executor), clock_(executor) {
    describe_target();
    describe_way();
    if (url_.tls && options_.trust == nullptr) {
        try {
            options_.trust = TlsTrust::load("");
        } catch (const std::runtime_error& problem) {
            throw error(WsFault::tls, problem.what());
        }
    }
    stream_ = make_stream(executor, url_.target, url_.tls ? options_.trust : nullptr);
    // The target is judged before anything is connected to.
    std::array<uint8_t, kWsKeyRandomBytes> key{};
    for (uint8_t& byte : key) {
        byte = static_cast<uint8_t>(random_u32());
    }
    const char* problem = engine_.start(key.data());
    if (problem != nullptr) {
        throw error(WsFault::bad_request, problem);
    }
}

WsError WsLink::error(WsFault fault, const std::string& text) const {
    return {fault, url_.shown + ": " + text};
}

void WsLink::check() const {
    if (error_) {
        throw WsError(*error_);
    }
}

// ---- life

void WsLink::start() {
    enter(Phase::connecting, options_.timeouts.connect);
    auto self = shared_from_this();
    asio::co_spawn(executor_, [self] { return self->run(); }, [self](const std::exception_ptr&) {});
    asio::co_spawn(
        executor_, [self] { return self->watch(); }, [self](const std::exception_ptr&) {});
}

void WsLink::enter(Phase phase, Clock::duration limit) {
    phase_ = phase;
    phase_ends_ = Clock::now() + limit;
    clock_.notify();
}

asio::awaitable<void> WsLink::run() {
    try {
        co_await stream_->connect();
        if (phase_ == Phase::connecting) {
            phase_ = Phase::securing; // within the same time
            co_await stream_->secure();
        }
        begin_upgrade();
        co_await read();
    } catch (const std::exception& cause) {
        stream_ended(cause);
    }
}

void WsLink::begin_upgrade() {
    if (phase_ == Phase::securing) {
        enter(Phase::upgrading, options_.timeouts.upgrade);
        received_at_ = Clock::now();
        flush();
    }
}

void WsLink::stream_ended(const std::exception& cause) {
    switch (phase_) {
    case Phase::connecting:
        return fail(WsFault::connect, std::string("no connection: ") + cause.what());
    case Phase::securing:
        return fail(WsFault::tls, cause.what());
    case Phase::upgrading:
        return fail(WsFault::lost, std::string("lost before the upgrade: ") + cause.what());
    case Phase::open:
        return fail(WsFault::lost, std::string("lost: ") + cause.what());
    case Phase::ending:
    case Phase::ended:
        return end();
    }
}

void WsLink::note(WsError error) {
    if (!error_) {
        error_ = std::move(error);
    }
}

void WsLink::fail(WsFault fault, const std::string& text) {
    if (phase_ != Phase::ended) {
        note(error(fault, text));
        end();
    }
}

void WsLink::end() {
    if (phase_ == Phase::ended) {
        return;
    }
    phase_ = Phase::ended;
    engine_.end();
    stream_->close();
    notify_all();
}

void WsLink::abandon() {
    if (phase_ != Phase::ending) {
        end();
    }
}

void WsLink::notify_all() {
    opened.notify();
    received.notify();
    room.notify();
    over.notify();
    resumed_.notify();
    clock_.notify();
}

void WsLink::begin_close(CloseCode code, std::string_view reason) {
    if (phase_ == Phase::open) {
        engine_.close(code, reason);
        begin_ending();
        flush();
    } else if (phase_ != Phase::ending) {
        end();
    }
}

void WsLink::begin_ending() {
    enter(Phase::ending, options_.timeouts.close);
    notify_all();
}

// ---- what comes

asio::awaitable<void> WsLink::read() {
    while (phase_ != Phase::ended) {
        while (reading_paused()) {
            was_paused_ = true;
            co_await resumed_.wait();
        }
        if (was_paused_) {
            was_paused_ = false;
            received_at_ = Clock::now();
        }
        const size_t size = co_await stream_->read_some(input_);
        received_at_ = Clock::now();
        unanswered_pings_ = 0;
        take({input_.data(), size});
    }
}

bool WsLink::reading_paused() const {
    return phase_ == Phase::open &&
           (waiting_bytes_ >= options_.max_waiting_bytes ||
            waiting_.size() >= kMaxWsWaitingMessages || engine_.output_full());
}

void WsLink::look_again() {
    if (was_paused_ && !reading_paused()) {
        resumed_.notify();
    }
}

void WsLink::take(std::span<uint8_t> input) {
    for (;;) {
        const WsClientEvent event = engine_.next(input);
        if (event.kind == WsClientEventKind::need_more || phase_ == Phase::ended) {
            break;
        }
        take_event(event);
    }
    flush();
}

void WsLink::take_event(const WsClientEvent& event) {
    switch (event.kind) {
    case WsClientEventKind::upgraded:
        phase_ = Phase::open;
        clock_.notify();
        return opened.notify();
    case WsClientEventKind::refused: {
        const WsUpgradeResponse& response = engine_.response();
        note(WsError(WsFault::refused,
                     url_.shown + ": the server answered the upgrade with status " +
                         std::to_string(response.status),
                     response.status, std::string(response.retry_after)));
        return end();
    }
    case WsClientEventKind::broken:
        return fail(WsFault::protocol, event.text);
    case WsClientEventKind::data:
        waiting_.push_back({event.opcode, std::string(event.payload.begin(), event.payload.end())});
        waiting_bytes_ += event.payload.size();
        return received.notify();
    case WsClientEventKind::close:
        close_code_ = event.close_code;
        close_reason_.assign(event.payload.begin(), event.payload.end());
        return begin_ending();
    case WsClientEventKind::violation: {
        const bool large = event.text == kFrameTooBig || event.text == kMessageTooBig;
        const WsFault fault = large ? WsFault::too_large : WsFault::protocol;
        note(error(fault, std::string("the server broke the protocol: ") + event.text));
        return begin_ending();
    }
    case WsClientEventKind::ping:
    case WsClientEventKind::pong:
    case WsClientEventKind::need_more:
        return;
    }
}

std::optional<WsMessage> WsLink::take_message() {
    if (waiting_.empty()) {
        return std::nullopt;
    }
    std::optional<WsMessage> message(std::move(waiting_.front()));
    waiting_.pop_front();
    waiting_bytes_ -= message->payload.size();
    look_again();
    return message;
}

// ---- what goes

WsSend WsLink::send(Opcode opcode, std::string_view payload) {
    const WsSend sent = engine_.send(opcode, as_bytes(payload));
    flush();
    return sent;
}

void WsLink::flush() {
    const ByteView queued = engine_.output();
    if (!writing_.empty() || write_failed_ || queued.empty() || phase_ < Phase::upgrading ||
        phase_ == Phase::ended) {
        return;
    }
    const ByteView piece = queued.first(std::min(queued.size(), kWsWriteBytes));
    writing_.assign(piece.begin(), piece.end());
    engine_.spend(piece.size());
    progress_at_ = Clock::now();
    clock_.notify();
    auto self = shared_from_this();
    stream_->write(writing_,
                   [self](const boost::system::error_code& error) { self->written(error); });
}

void WsLink::written(const boost::system::error_code& error) {
    writing_.clear();
    if (error) {
        // What the server said before it went, a Close frame it may be, is still to be read.
        write_failed_ = true;
        if (phase_ == Phase::open) {
            phase_ends_ = Clock::now() + options_.timeouts.close;
            clock_.notify();
        }
        return;
    }
    flush();
    room.notify();
    look_again();
}

// ---- time

asio::awaitable<void> WsLink::watch() {
    while (phase_ != Phase::ended) {
        const auto wait = next_look() - Clock::now();
        co_await clock_.wait_for(wait);
        look(Clock::now());
    }
}

WsLink::Clock::time_point WsLink::next_look() const {
    if (phase_ != Phase::open) {
        return phase_ends_;
    }
    const WsTimeouts& limits = options_.timeouts;
    // A paused reader makes idle and ping look once in their time.
    const Clock::time_point since = was_paused_ ? Clock::now() : received_at_;
    Clock::time_point next = Clock::now() + std::chrono::hours(1);
    if (limits.idle.count() > 0) {
        next = std::min(next, since + limits.idle);
    }
    if (limits.ping.count() > 0) {
        next = std::min(next, std::max(since, pinged_at_) + limits.ping);
    }
    if (!writing_.empty()) {
        next = std::min(next, progress_at_ + limits.send);
    }
    if (write_failed_) {
        next = std::min(next, phase_ends_);
    }
    return next;
}

void WsLink::look(Clock::time_point now) {
    const WsTimeouts& limits = options_.timeouts;
    if (phase_ == Phase::open) {
        return look_at_open(now);
    }
    if (now < phase_ends_) {
        return;
    }
    if (phase_ == Phase::ending) {
        end();
    } else if (phase_ == Phase::upgrading) {
        fail(WsFault::timeout, "no answer to the upgrade within " + in_ms(limits.upgrade));
    } else {
        fail(WsFault::timeout, "no connection within " + in_ms(limits.connect));
    }
}

void WsLink::look_at_open(Clock::time_point now) {
    const WsTimeouts& limits = options_.timeouts;
    if (write_failed_ && now >= phase_ends_) {
        return fail(WsFault::lost, "lost: it takes nothing any more");
    }
    if (!writing_.empty() && now >= progress_at_ + limits.send) {
        return fail(WsFault::timeout, "the server has taken nothing for " + in_ms(limits.send));
    }
    if (was_paused_) {
        return;
    }
    if (limits.idle.count() > 0 && now >= received_at_ + limits.idle) {
        return fail(WsFault::timeout, "nothing has come for " + in_ms(limits.idle));
    }
    if (limits.ping.count() > 0 && now >= std::max(received_at_, pinged_at_) + limits.ping) {
        ask(now);
    }
}

void WsLink::ask(Clock::time_point now) {
    if (unanswered_pings_ >= options_.max_unanswered_pings) {
        return fail(WsFault::timeout,
                    std::to_string(unanswered_pings_) + " pings have not been answered");
    }
    pinged_at_ = now;
    ++unanswered_pings_;
    engine_.ping({}); // one that has no room counts: nothing leaves
    flush();
}

} // namespace mr::net
