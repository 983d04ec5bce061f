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

void Connection::enqueue(ByteView bytes, size_t count, const Handler& handler,
                         Clock::duration timeout) {
    if (!ready()) {
        auto self = shared_from_this();
        asio::post(executor(), [self, handler, count] {
            const Answer answer{Failure::not_connected, nullptr};
            for (size_t i = 0; i < count && handler; ++i) {
                handler(answer);
            }
        });
        return;
    }
    if (!output().append(bytes)) {
        throw std::bad_alloc();
    }
    const Clock::time_point deadline = Clock::now() + timeout;
    for (size_t i = 0; i < count; ++i) {
        pending_.push_back({handler, deadline});
    }
    watch_head();
}

void Connection::send(std::span<const std::string_view> parts, Handler handler,
                      Clock::duration timeout) {
    Commands command;
    command.add(parts);
    enqueue(command.bytes(), 1, handler, timeout);
}

asio::awaitable<std::vector<Value>> Connection::run_all(const Commands& commands,
                                                        Clock::duration timeout) {
    auto gathering = std::make_shared<Gathering>(executor(), commands.count());
    Handler handler = [gathering](const Answer& answer) { gathering->take(answer); };
    enqueue(commands.bytes(), commands.count(), handler, timeout);
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
    const Handler handler = std::move(pending_.front().handler);
    pending_.pop_front();
    if (handler) {
        handler({Failure::none, &reply});
    }
    // With sentinels this server is not the primary any more, or has not become one: ask them.
    if (has_sentinels() && is_demoted(reply)) {
        drop(Failure::connection_lost, reply.text());
    }
}

void Connection::on_down(Failure failure) {
    std::deque<Pending> failed;
    failed.swap(pending_);
    for (const auto& listener : listeners_) {
        listener(false);
    }
    for (const Pending& entry : failed) {
        if (entry.handler) {
            entry.handler({failure, nullptr});
        }
    }
    if (closed()) {
        deadline_timer_.cancel();
        listeners_.clear();
    }
}

} // namespace mr::redis
