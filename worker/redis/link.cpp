#include "worker/redis/link.h"

#include "shared/scripts.h"
#include "worker/async.h"
#include "worker/log.h"
#include "worker/random.h"
#include "worker/redis/scripts.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

namespace mr::redis {

namespace asio = boost::asio;

namespace {
constexpr std::string_view kMoved = "the sentinels name another primary now";
} // namespace

Link::Link(const asio::any_io_executor& executor, LinkOptions options)
    : executor_(executor), options_(std::move(options)), timer_(executor), look_timer_(executor),
      read_buffer_(std::make_unique<uint8_t[]>(kReadBytes)) {
    char name[kMaxRedisNameChars];
    name_.assign(name, format_redis_name(options_.url, name));
    target_ = name_;
}

void Link::start() {
    auto self = shared_from_this();
    if (has_sentinels()) {
        options_.sentinels->on_move([weak = weak_from_this()] {
            if (const auto link = weak.lock()) {
                link->primary_moved();
            }
        });
    }
    asio::co_spawn(
        executor_, [self]() -> asio::awaitable<void> { return self->run(); }, asio::detached);
}

void Link::close() {
    if (closed_) {
        return;
    }
    closed_ = true;
    cause_ = "closed";
    timer_.cancel();
    if (transport_ != nullptr) {
        transport_->close();
    }
    went_down();
}

asio::awaitable<void> Link::wait_ready(std::chrono::steady_clock::duration limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!ready()) {
        if (std::chrono::steady_clock::now() >= end) {
            throw Error(Failure::timed_out);
        }
        co_await sleep_for(std::chrono::milliseconds(10));
    }
}

void Link::drop(Failure failure, std::string_view cause) {
    if (transport_ == nullptr || broken_ || closed_) {
        return;
    }
    broken_ = true;
    failure_ = failure;
    cause_ = cause;
    transport_->close();
}

void Link::primary_moved() {
    drop(Failure::connection_lost, kMoved);
    if (waiting_) { // there is somewhere to go now
        backoff_.reset();
        timer_.cancel();
    }
}

Buffer& Link::output() {
    if (!flush_posted_) {
        flush_posted_ = true;
        auto self = shared_from_this();
        asio::post(executor_, [self] {
            self->flush_posted_ = false;
            self->flush();
        });
    }
    return *output_;
}

void Link::flush() {
    if (write_under_way_ || output_->empty() || transport_ == nullptr || broken_) {
        return;
    }
    write_under_way_ = true;
    writing_->clear();
    if (writing_->capacity() > kKeptWriteBytes) {
        writing_->release();
    }
    std::swap(writing_, output_);
    auto self = shared_from_this();
    auto done = [self](boost::system::error_code error) {
        self->write_under_way_ = false;
        if (error) {
            self->drop(Failure::connection_lost, error.message());
            return;
        }
        self->flush();
    };
    transport_->write({writing_->data(), writing_->size()}, std::move(done));
    settle_reading();
}

void Link::settle_reading() {
    if (!ready_ || broken_) {
        return;
    }
    quiet_ = transport_->be_quiet(patient());
    if (quiet_ && !look_due_) {
        look_later();
    }
}

void Link::look_later() {
    look_due_ = true;
    look_timer_.expires_after(options_.quiet_for);
    look_timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (error || self == nullptr) {
            return;
        }
        self->look_due_ = false;
        self->read_replies_now();
        self->settle_reading();
    });
}

void Link::read_replies_now() {
    if (!ready_ || broken_ || !quiet_) {
        return;
    }
    try {
        parse({read_buffer_.get(), transport_->read_now({read_buffer_.get(), kReadBytes})});
    } catch (const std::exception& error) {
        drop(Failure::connection_lost, cause_of(error));
    }
}

// Fails what is pending, once per connection.
void Link::went_down() {
    ready_ = false;
    quiet_ = false;
    broken_ = true;
    output_->clear();
    const Failure failure = std::exchange(failure_, Failure::none);
    on_down(failure == Failure::none ? Failure::connection_lost : failure);
}

asio::awaitable<void> Link::run() {
    auto self = shared_from_this();
    while (!closed_) {
        cause_.clear();
        try {
            co_await attempt();
        } catch (const std::exception& error) {
            cause_ = cause_.empty() ? cause_of(error) : cause_;
        }
        if (closed_) {
            break;
        }
        timer_.cancel();
        if (transport_ != nullptr) {
            transport_->close();
        }
        const bool was_ready = ready_;
        if (was_ready && std::chrono::steady_clock::now() - ready_at_ >= kStable) {
            failures_ = 0;
            backoff_.reset();
            logged_.clear();
        }
        went_down();
        const uint32_t delay_ms = backoff_.next(random_u32());
        log_failure(was_ready, delay_ms);
        timer_.expires_after(std::chrono::milliseconds(delay_ms));
        waiting_ = true;
        co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        waiting_ = false;
    }
}

// The first failure with each cause, then one now and then.
void Link::log_failure(bool was_ready, uint32_t delay_ms) {
    ++failures_;
    if (!logged_.due(cause_)) {
        return;
    }
    log::warn(was_ready ? "redis connection lost" : "redis connection failed",
              {{"role", options_.role},
               {"target", target_},
               {"cause", cause_},
               {"attempt", failures_},
               {"retry_in_ms", delay_ms}});
}

asio::awaitable<void> Link::attempt() {
    // The write of an earlier connection has to end before its buffer is used again.
    while (write_under_way_) {
        timer_.expires_after(std::chrono::milliseconds(1));
        co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    Endpoint endpoint = co_await find_endpoint();
    if (closed_) {
        co_return;
    }
    transport_ = make_transport(executor_, options_.url, std::move(endpoint));
    broken_ = false;
    reader_.reset();
    timer_.expires_after(kConnectTimeout);
    auto self = shared_from_this();
    timer_.async_wait([self, transport = transport_.get()](boost::system::error_code error) {
        if (!error && self->transport_.get() == transport && !self->ready_) {
            self->drop(Failure::timed_out, "no connection within the deadline");
        }
    });
    co_await transport_->open();
    co_await shake_hands();
    timer_.cancel();
    if (closed_) {
        co_return;
    }
    // They may have changed their mind between their answer and the connection.
    if (has_sentinels() && !(options_.sentinels->primary() == primary_)) {
        throw Error(std::string(kMoved));
    }
    ready_ = true;
    ready_at_ = std::chrono::steady_clock::now();
    log::info("redis connected", {{"role", options_.role}, {"target", target_}});
    on_ready();
    co_await read_loop();
}

asio::awaitable<Endpoint> Link::find_endpoint() {
    Endpoint endpoint{std::string(options_.url.host.view()), options_.url.port};
    if (has_sentinels()) {
        target_ = name_;
        primary_ = co_await options_.sentinels->find();
        endpoint.host = primary_.host.view();
        endpoint.port = primary_.port;
        target_ += " at " + endpoint.host + ":" + std::to_string(endpoint.port);
    }
    co_return endpoint;
}

void Link::append_handshake() {
    const RedisUrl& url = options_.url;
    handshake_replies_ = 0;
    auto add = [this](std::span<const std::string_view> parts) {
        encode_command(*output_, parts);
        ++handshake_replies_;
    };
    if (!url.password.empty()) {
        const std::string_view with_user[] = {"AUTH", url.user.view(), url.password.view()};
        const std::string_view plain[] = {"AUTH", url.password.view()};
        url.user.empty() ? add(plain) : add(with_user);
    }
    const std::string database = std::to_string(url.database);
    if (url.database != 0) {
        const std::string_view select[] = {"SELECT", database};
        add(select);
    }
    const std::string_view name[] = {"CLIENT", "SETNAME", options_.client_name};
    add(name);
    if (options_.load_scripts) {
        for (const Script* script : all_scripts()) {
            const std::string_view load[] = {"SCRIPT", "LOAD", script->text};
            add(load);
        }
    }
    // A server that is still loading its data refuses everything else: wait with the rest.
    const std::string_view ping[] = {"PING"};
    add(ping);
    if (has_sentinels()) {
        const std::string_view role[] = {"ROLE"}; // the last one: shake_hands looks at its reply
        add(role);
    }
}

asio::awaitable<void> Link::shake_hands() {
    output_->clear();
    append_handshake();
    flush();
    for (size_t left = handshake_replies_; left > 0; --left) {
        Value reply = co_await read_reply();
        if (reply.is_error()) {
            throw Error(reply.text);
        }
        // The sentinels are behind, or the server has come back before it was told.
        if (left == 1 && has_sentinels() && reply.at(0).text != "master") {
            throw Error("not the primary that the sentinels take it for, its role is " +
                        reply.at(0).text);
        }
    }
}

asio::awaitable<Value> Link::read_reply() {
    for (;;) {
        const RespReader::Result result = reader_.next();
        if (result == RespReader::Result::reply) {
            co_return Value::copy(reader_.current());
        }
        if (result == RespReader::Result::protocol_error) {
            throw Error(std::string(reader_.error()));
        }
        const size_t count = co_await transport_->read_some({read_buffer_.get(), kFeedBytes});
        reader_.feed(read_buffer_.get(), count);
    }
}

// Hands out every reply that is complete.
void Link::take_replies() {
    for (;;) {
        const RespReader::Result result = reader_.next();
        if (result == RespReader::Result::protocol_error) {
            throw Error(std::string(reader_.error()));
        }
        if (result == RespReader::Result::need_more) {
            return;
        }
        on_reply(reader_.current());
    }
}

void Link::parse(std::span<const uint8_t> bytes) {
    while (!bytes.empty()) {
        const size_t count = std::min(bytes.size(), kFeedBytes);
        if (!reader_.feed(bytes.data(), count)) {
            throw std::bad_alloc();
        }
        take_replies();
        bytes = bytes.subspan(count);
    }
}

asio::awaitable<void> Link::read_loop() {
    take_replies(); // what came together with the last reply of the handshake
    for (;;) {
        const size_t count = co_await transport_->read_some({read_buffer_.get(), kReadBytes});
        parse({read_buffer_.get(), count});
        settle_reading();
    }
}

} // namespace mr::redis
