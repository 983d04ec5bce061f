#include "worker/redis/connection.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace mr::redis {

namespace asio = boost::asio;

namespace {

// Replies of one run_all() on their way to the coroutine. The handlers hold it as long as replies
// are pending, also when the coroutine has been cancelled meanwhile.
struct Gathering {
    Gathering(const asio::any_io_executor& executor, size_t count) : signal(executor), left(count) {
        replies.reserve(count);
    }

    Signal signal;
    size_t left;
    Failure failure = Failure::none;
    std::vector<Value> replies;

    void take(const Answer& answer) {
        if (answer.failure != Failure::none) {
            failure = answer.failure;
        } else {
            replies.push_back(Value::copy(*answer.reply));
        }
        if (--left == 0) {
            signal.notify();
        }
    }
};

bool is_demoted(const Reply& reply) {
    return reply.is_error() && (reply.error_is("READONLY") || reply.error_is("MASTERDOWN") ||
                                reply.error_is("UNBLOCKED"));
}

} // namespace

std::shared_ptr<Connection> Connection::make(const asio::any_io_executor& executor,
                                             LinkOptions options) {
    return std::shared_ptr<Connection>(new Connection(executor, std::move(options)));
}

Connection::Connection(const asio::any_io_executor& executor, LinkOptions options)
    : Link(executor, std::move(options)), deadline_timer_(executor) {}

void Connection::Pending::answer(const Answer& answer) const {
    if (handler) {
        handler(answer);
    } else if (sink != nullptr) {
        sink->answered(tag, answer);
    }
}

// Never from inside send().
void Connection::fail_later(Pending entry) {
    auto self = shared_from_this();
    asio::post(executor(), [self, entry = std::move(entry)] {
        entry.answer({Failure::not_connected, nullptr});
    });
}

void Connection::send_one(std::span<const std::string_view> parts, Pending entry) {
    if (!ready()) {
        fail_later(std::move(entry));
        return;
    }
    if (!encode_command(output(), parts)) {
        throw std::bad_alloc();
    }
    push(std::move(entry));
    watch_head();
}

void Connection::push(Pending entry) {
    awaited_ += entry.handler ? 1 : 0;
    pending_.push_back(std::move(entry));
}

void Connection::hurry() {
    hurried_ = pending_.size();
    settle_reading();
}

void Connection::send(std::span<const std::string_view> parts, Handler handler,
                      Clock::duration timeout) {
    send_one(parts, {std::move(handler), nullptr, 0, Clock::now() + timeout});
}

void Connection::send(std::span<const std::string_view> parts, std::shared_ptr<AnswerSink> sink,
                      uint64_t tag, Clock::duration timeout) {
    send_one(parts, {{}, std::move(sink), tag, Clock::now() + timeout});
}

void Connection::send_encoded(const Commands& commands, const Handler& handler,
                              Clock::duration timeout) {
    const Clock::time_point deadline = Clock::now() + timeout;
    const bool sent = ready();
    if (sent && !output().append(commands.bytes())) {
        throw std::bad_alloc();
    }
    for (size_t i = 0; i < commands.count(); ++i) {
        Pending entry{handler, nullptr, 0, deadline};
        if (sent) {
            push(std::move(entry));
        } else {
            fail_later(std::move(entry));
        }
    }
    watch_head();
}

asio::awaitable<std::vector<Value>> Connection::run_all(const Commands& commands,
                                                        Clock::duration timeout) {
    auto gathering = std::make_shared<Gathering>(executor(), commands.count());
    Handler handler = [gathering](const Answer& answer) { gathering->take(answer); };
    send_encoded(commands, handler, timeout);
    while (gathering->left > 0) {
        co_await gathering->signal.wait();
    }
    if (gathering->failure != Failure::none) {
        throw Error(gathering->failure);
    }
    co_return std::move(gathering->replies);
}

asio::awaitable<Value> Connection::run(const Commands& command, Clock::duration timeout) {
    std::vector<Value> replies = co_await run_all(command, timeout);
    co_return std::move(replies[0]);
}

// One timer for the oldest command: replies come in order, so a later one cannot be overdue first,
// except for the few that were given a longer deadline.
void Connection::watch_head() {
    if (watching_ || pending_.empty()) {
        return;
    }
    watching_ = true;
    deadline_timer_.expires_at(pending_.front().deadline);
    auto self = std::static_pointer_cast<Connection>(shared_from_this());
    deadline_timer_.async_wait([self](boost::system::error_code) {
        self->watching_ = false;
        if (self->pending_.empty()) {
            return;
        }
        const auto late = Clock::now() - self->pending_.front().deadline;
        if (late > kBusyLoop) {
            self->pending_.front().deadline = Clock::now() + kBusyLoopGrace;
        } else if (late >= Clock::duration::zero()) {
            self->drop(Failure::timed_out, "no reply within the deadline");
            return;
        }
        self->watch_head();
    });
}

void Connection::on_ready() {
    for (const auto& listener : listeners_) {
        listener(true);
    }
}

void Connection::on_reply(const Reply& reply) {
    if (pending_.empty()) {
        drop(Failure::connection_lost, "a reply that nobody asked for");
        return;
    }
    const Pending entry = std::move(pending_.front());
    pending_.pop_front();
    awaited_ -= entry.handler ? 1 : 0;
    hurried_ -= hurried_ > 0 ? 1 : 0;
    entry.answer({Failure::none, &reply});
    // With sentinels this server is not the primary any more, or has not become one: ask them.
    if (has_sentinels() && is_demoted(reply)) {
        drop(Failure::connection_lost, reply.text());
    }
}

void Connection::on_down(Failure failure) {
    std::deque<Pending> failed;
    failed.swap(pending_);
    awaited_ = hurried_ = 0;
    for (const auto& listener : listeners_) {
        listener(false);
    }
    for (const Pending& entry : failed) {
        entry.answer({failure, nullptr});
    }
    if (closed()) {
        deadline_timer_.cancel();
        listeners_.clear();
    }
}

} // namespace mr::redis
