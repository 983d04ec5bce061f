#include "worker/redis/sentinel.h"

#include "worker/log.h"
#include "worker/redis/value.h"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <new>
#include <stdexcept>
#include <utility>

namespace mr::redis {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

std::string place_text(std::string_view host, uint16_t port) {
    char text[kMaxPlaceNameChars];
    return {text, format_place(host, port, text)};
}

} // namespace

// One sentinel. Its connection is kept between questions.
struct SentinelWatch::Peer {
    Peer(const asio::any_io_executor& executor, Endpoint at)
        : endpoint(std::move(at)), deadline(executor) {}

    Endpoint endpoint;
    asio::steady_timer deadline;
    std::shared_ptr<Transport> transport; // a write under way keeps it as well
    RespReader reader;
    std::array<uint8_t, 4096> buffer{};
    uint64_t asked = 0; // times
    bool asking = false;
    bool timed_out = false;
};

struct SentinelWatch::Waiter {
    explicit Waiter(const asio::any_io_executor& executor) : signal(executor) {}

    Signal signal;
    bool done = false;
    std::string problem; // empty: there is a primary
};

std::shared_ptr<SentinelWatch> SentinelWatch::make(const asio::any_io_executor& executor,
                                                   const RedisUrl& url) {
    if (!url.has_sentinels()) {
        return nullptr;
    }
    return std::shared_ptr<SentinelWatch>(new SentinelWatch(executor, url));
}

SentinelWatch::SentinelWatch(const asio::any_io_executor& executor, const RedisUrl& url)
    : executor_(executor), url_(url), answers_(url.sentinels.count), wake_(executor),
      changed_(executor) {
    char name[kMaxRedisNameChars];
    target_.assign(name, format_redis_name(url, name));
    for (size_t i = 0; i < url.sentinels.count; ++i) {
        Endpoint endpoint{std::string(url.sentinels.host(i)), url.sentinels.places[i].port};
        peers_.push_back(std::make_unique<Peer>(executor, std::move(endpoint)));
    }
}

SentinelWatch::~SentinelWatch() = default;

void SentinelWatch::close() {
    closed_ = true;
    listeners_.clear();
    for (const auto& peer : peers_) {
        peer->deadline.cancel();
        if (peer->transport) {
            peer->transport->close();
        }
    }
    for (const auto& waiter : std::exchange(waiters_, {})) {
        waiter->done = true;
        waiter->problem = "closed";
        waiter->signal.notify();
    }
    wake_.notify();
}

asio::awaitable<PrimaryAddress> SentinelWatch::find() {
    auto self = shared_from_this();
    if (closed_) {
        throw std::runtime_error("closed");
    }
    auto waiter = std::make_shared<Waiter>(executor_);
    waiters_.push_back(waiter);
    if (!watching_) {
        watching_ = true;
        asio::co_spawn(executor_, [self] { return self->watch(); }, asio::detached);
    }
    wake_.notify();
    while (!waiter->done) {
        co_await waiter->signal.wait();
    }
    if (!waiter->problem.empty()) {
        throw std::runtime_error(waiter->problem);
    }
    co_return primary_;
}

// --- rounds

asio::awaitable<void> SentinelWatch::watch() {
    auto self = shared_from_this();
    while (!closed_) {
        co_await round();
        if (closed_) {
            break;
        }
        decide();
        if (waiters_.empty()) {
            co_await wake_.wait_for(milliseconds(kSentinelPollMs));
        }
    }
}

// Until all have answered, or most of them and the rest has had a moment more, or time is up.
asio::awaitable<void> SentinelWatch::round() {
    auto self = shared_from_this();
    Clock::time_point end = Clock::now() + milliseconds(kSentinelTimeoutMs);
    for (size_t i = 0; i < peers_.size(); ++i) {
        if (!peers_[i]->asking) {
            answers_[i] = {};
            peers_[i]->asking = true;
            asio::co_spawn(executor_, [self, i] { return self->ask(i); }, asio::detached);
        }
    }
    bool most_heard = false;
    while (!closed_) {
        size_t missing = 0;
        size_t named = 0;
        for (size_t i = 0; i < peers_.size(); ++i) {
            const bool heard = !peers_[i]->asking;
            missing += heard ? 0U : 1U;
            named += heard && answers_[i].kind == SentinelAnswer::Kind::primary ? 1U : 0U;
        }
        if (!most_heard && named * 2 > peers_.size()) {
            most_heard = true;
            end = std::min(end, Clock::now() + milliseconds(kSentinelStragglersMs));
        }
        const auto left = end - Clock::now();
        if (missing == 0 || left <= Clock::duration::zero()) {
            break;
        }
        co_await changed_.wait_for(left);
    }
    for (size_t i = 0; i < peers_.size(); ++i) {
        if (peers_[i]->asking) {
            answers_[i] = {};
            answers_[i].say("does not answer");
        }
    }
}

asio::awaitable<void> SentinelWatch::ask(size_t index) {
    auto self = shared_from_this();
    Peer& peer = *peers_[index];
    const uint64_t asked = ++peer.asked;
    peer.timed_out = false;
    peer.deadline.expires_after(milliseconds(kSentinelTimeoutMs));
    peer.deadline.async_wait([self, &peer, asked](boost::system::error_code error) {
        if (!error && peer.asking && peer.asked == asked && peer.transport) {
            peer.timed_out = true;
            peer.transport->close();
        }
    });
    SentinelAnswer answer;
    try {
        answer = co_await converse(peer);
    } catch (const std::exception& error) {
        peer.transport.reset();
        answer.say(peer.timed_out ? "does not answer" : cause_of(error));
    }
    if (answer.kind == SentinelAnswer::Kind::refused) {
        peer.transport.reset(); // a login is tried again on a connection of its own
    }
    peer.deadline.cancel();
    peer.asking = false;
    answers_[index] = answer;
    changed_.notify();
}

// A kept connection may have ended unnoticed: then once more over a new one.
asio::awaitable<SentinelAnswer> SentinelWatch::converse(Peer& peer) {
    if (peer.transport) {
        try {
            SentinelAnswer answer = co_await exchange(peer, false);
            co_return answer;
        } catch (const std::exception&) {
            if (peer.timed_out || closed_) {
                throw;
            }
        }
    }
    peer.transport = make_transport(executor_, url_, peer.endpoint);
    peer.reader.reset();
    co_await peer.transport->open();
    SentinelAnswer answer = co_await exchange(peer, sentinel_wants_login(url_));
    co_return answer;
}

asio::awaitable<SentinelAnswer> SentinelWatch::exchange(Peer& peer, bool login) {
    auto bytes = std::make_shared<Buffer>();
    if ((login && !encode_sentinel_login(*bytes, url_)) ||
        !encode_sentinel_questions(*bytes, url_)) {
        throw std::bad_alloc();
    }
    const std::shared_ptr<Transport> transport = peer.transport;
    // A write that fails is noticed by the read behind it.
    transport->write({bytes->data(), bytes->size()},
                     [bytes, transport](boost::system::error_code) {});
    SentinelAnswer answer;
    SentinelStep step = login ? SentinelStep::login : SentinelStep::address;
    while (step != SentinelStep::done) {
        const RespReader::Result result = peer.reader.next();
        if (result == RespReader::Result::reply) {
            step = take_sentinel_reply(answer, step, peer.reader.current());
            continue;
        }
        if (result == RespReader::Result::protocol_error) {
            throw std::runtime_error(peer.reader.error());
        }
        const std::span<uint8_t> into(peer.buffer);
        const size_t count = co_await transport->read_some(into);
        if (!peer.reader.feed(peer.buffer.data(), count)) {
            throw std::bad_alloc();
        }
    }
    co_return answer;
}

// --- what comes of it

void SentinelWatch::decide() {
    const SentinelVerdict verdict = judge_sentinels(answers_, primary_, config_epoch_);
    std::string problem;
    if (verdict.problem == nullptr) {
        agree(answers_[verdict.witness]);
    } else {
        problem = explain(verdict);
    }
    const auto waiters = std::exchange(waiters_, {});
    if (waiters.empty() || verdict.problem == nullptr) {
        note_trouble(verdict); // who waits says for itself what is wrong
    }
    for (const auto& waiter : waiters) {
        waiter->done = true;
        waiter->problem = problem;
        waiter->signal.notify();
    }
}

void SentinelWatch::agree(const SentinelAnswer& answer) {
    config_epoch_ = answer.config_epoch;
    note_quorum(answer);
    if (answer.primary == primary_) {
        return;
    }
    const bool moved = primary_.known();
    const std::string before = moved ? place_text(primary_.host.view(), primary_.port) : "none";
    primary_ = answer.primary;
    log::info("redis primary named by the sentinels",
              {{"target", target_},
               {"primary", place_text(primary_.host.view(), primary_.port)},
               {"before", before},
               {"epoch", config_epoch_}});
    if (moved) {
        for (const auto& listener : std::vector(listeners_)) {
            listener();
        }
    }
}

// "no sentinel answers (…): 127.0.0.1:26379: Connection refused"
std::string SentinelWatch::explain(const SentinelVerdict& verdict) const {
    const Endpoint& witness = peers_[verdict.witness]->endpoint;
    const std::string_view words = answers_[verdict.witness].words.view();
    return std::string(verdict.problem) + ": " + place_text(witness.host, witness.port) +
           (words.empty() ? "" : ": ") + std::string(words);
}

// With the links up nobody else says that a failover goes unnoticed.
void SentinelWatch::note_trouble(const SentinelVerdict& verdict) {
    const Clock::time_point now = Clock::now();
    if (verdict.problem == nullptr) {
        if (std::exchange(logged_problem_, nullptr) != nullptr) {
            log::info("redis sentinels answer again", {{"target", target_}});
        }
        return;
    }
    if (verdict.problem == logged_problem_ && now - logged_at_ < kSentinelLogPause) {
        return;
    }
    logged_problem_ = verdict.problem;
    logged_at_ = now;
    log::warn("watching for a redis failover fails",
              {{"target", target_}, {"cause", explain(verdict)}});
}

void SentinelWatch::note_quorum(const SentinelAnswer& answer) {
    if (std::exchange(no_quorum_, answer.no_quorum) == answer.no_quorum) {
        return;
    }
    if (answer.no_quorum) {
        log::warn("should the redis primary fail, no other can be elected: start the missing "
                  "sentinels",
                  {{"target", target_}, {"cause", answer.words.view()}});
    } else {
        log::info("redis sentinels have a quorum again", {{"target", target_}});
    }
}

} // namespace mr::redis
