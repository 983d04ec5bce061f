#include "worker/voice/deepgram/stream.h"

#include "shared/backoff.h"
#include "worker/log.h"
#include "worker/pipeline/concurrency.h"
#include "worker/random.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <utility>
#include <vector>

namespace mr::voice::deepgram {

namespace asio = boost::asio;

namespace {

constexpr char kLost[] = "Speech recognition was lost and did not come back.";

uint64_t silence_of(const Options& options) {
    // Behind what Deepgram itself would take, and some of its delay.
    return to_samples(options.utterance_end.count() + 1'000);
}

} // namespace

Stream::Stream(const asio::any_io_executor& executor, std::shared_ptr<Shared> shared,
               RecognitionOptions options)
    : shared_(std::move(shared)), stream_options_(std::move(options)), to_write_(executor),
      happened_(executor), taken_(executor),
      assembly_(stream_options_.mode, silence_of(shared_->options)) {
    ++shared_->streams;
}

Stream::~Stream() {
    --shared_->streams;
}

// ---- its owner's side

bool Stream::audio(PcmView samples) {
    if (error_) {
        return false;
    }
    heard_at_ = Clock::now();
    const bool taken = window_.append(samples);
    to_write_.notify();
    return taken;
}

void Stream::release() {
    const uint64_t at = window_.end();
    if (releases_.size() >= kMaxPendingReleases) {
        return; // who releases that often has said nothing in between
    }
    releases_.push_back({at, std::nullopt});
    assembly_.release(at, Clock::now());
    happened_.notify();
    to_write_.notify();
}

asio::awaitable<RecognitionEvent> Stream::next() {
    for (;;) {
        std::optional<RecognitionEvent> event = assembly_.next();
        if (event) {
            taken_.notify();
            co_return std::move(*event);
        }
        if (error_) {
            throw VoiceError(*error_);
        }
        co_await happened_.wait();
    }
}

void Stream::stop() {
    stopping_ = true;
    to_write_.notify();
    taken_.notify();
}

// ---- connections

net::WsOptions Stream::ws_options() const {
    const Options& from = shared_->options;
    net::WsOptions options(listen_url(from, stream_options_, !shared_->vocabulary_refused));
    options.headers = {"Authorization: " + from.key_scheme + " " + from.api_key,
                       "User-Agent: mr-ws"};
    options.trust = shared_->trust;
    options.proxy = from.proxy;
    options.connect_to = from.connect_to;
    options.timeouts.connect = from.connect_timeout;
    options.timeouts.upgrade = from.connect_timeout;
    options.timeouts.ping = from.ping;
    options.timeouts.send = from.result_timeout;
    options.max_message_bytes = kMaxMessageBytes;
    return options;
}

asio::awaitable<std::optional<net::WsError>> Stream::connect() {
    const auto executor = co_await asio::this_coro::executor;
    std::optional<net::WsError> error;
    try {
        auto connection = std::make_shared<net::WsConnection>(executor, ws_options());
        co_await connection->connect();
        begin_connection(std::move(connection));
    } catch (const net::WsError& failure) {
        error = failure;
    }
    if (error && error->status() == 400 && !shared_->options.vocabulary.empty() &&
        !shared_->vocabulary_refused) {
        shared_->vocabulary_refused = true;
        log::warn("deepgram refuses a stream, it is asked without deepgram_vocabulary",
                  {{"model", shared_->options.model}, {"cause", error->what()}});
        error = co_await connect();
    }
    co_return error;
}

void Stream::begin_connection(Connection connection) {
    connection_ = std::move(connection);
    clock_ = {};
    request_id_.clear();
    loss_.reset();
    sent_at_ = credit_at_ = Clock::now();
    // What has waited for a connection may be sent like any other; what is sent again may not.
    credit_ms_ = replays_ ? 0 : static_cast<double>(kBurstMs);
    unanswered_since_.reset();
    unanswered_ = 0;
}

asio::awaitable<void> Stream::open() {
    Backoff delays(static_cast<uint32_t>(shared_->options.first_delay.count()),
                   static_cast<uint32_t>(shared_->options.max_delay.count()));
    constexpr unsigned kTries = 2; // the user waits
    for (unsigned tried = 1;; ++tried) {
        const std::optional<net::WsError> error = co_await connect();
        if (!error) {
            co_return;
        }
        const Verdict verdict = judge(*error);
        if (!verdict.again || tried >= kTries) {
            log_trouble(verdict, error->what());
            throw VoiceError(verdict.fault, verdict.safe);
        }
        co_await sleep_for(std::chrono::milliseconds(delays.next(random_u32())));
    }
}

asio::awaitable<void> Stream::run() {
    const auto self = shared_from_this();
    try {
        co_await serve();
    } catch (const VoiceError& error) {
        error_ = error;
    } catch (const std::exception& error) {
        log::error("a stream of deepgram has failed", {{"cause", error.what()}});
        error_.emplace(VoiceFault::lost, kLost);
    }
    connection_.reset();
    happened_.notify();
}

asio::awaitable<void> Stream::serve() {
    for (;;) {
        co_await talk();
        if (stopping_) {
            co_await say_goodbye();
            co_return;
        }
        connection_.reset();
        co_await come_back();
        if (stopping_) {
            co_return;
        }
    }
}

// Until the connection has ended, for whichever reason, or stop().
asio::awaitable<void> Stream::talk() {
    std::vector<asio::awaitable<void>> works;
    works.push_back(read());
    works.push_back(write());
    try {
        co_await run_all(std::move(works));
    } catch (const Stopped&) {
    } catch (const net::WsError& error) {
        note_loss(judge(error), error.what());
    }
}

asio::awaitable<void> Stream::say_goodbye() {
    try {
        if (connection_ && connection_->is_open()) {
            co_await connection_->send(Opcode::text, R"({"type":"CloseStream"})");
            co_await connection_->close();
        }
    } catch (const net::WsError&) {
        // It has gone of itself.
    }
}

void Stream::note_loss(const Verdict& verdict, const std::string& cause) {
    loss_ = verdict;
    log_trouble(verdict, cause);
}

void Stream::log_trouble(const Verdict& verdict, const std::string& cause) const {
    log::warn("a stream of deepgram has ended",
              {{"cause", cause}, {"cure", verdict.cure}, {"request_id", request_id_}});
}

// ---- coming back

asio::awaitable<void> Stream::pause(Clock::duration time) {
    const Clock::time_point end = Clock::now() + time;
    while (!stopping_ && Clock::now() < end) {
        const bool told = co_await to_write_.wait_for(end - Clock::now());
        (void)told; // audio has come: it waits as well
    }
}

// Waits while there is nothing to be heard: Deepgram ends streams that send no audio.
asio::awaitable<bool> Stream::wanted() {
    const bool quiet = Clock::now() - heard_at_ > std::chrono::milliseconds(kReplayMs);
    if (quiet && window_.unsent() == 0 && releases_.empty() && !assembly_.in_utterance()) {
        tries_ = 0;
        window_.cover(window_.sent()); // silence
        while (!stopping_ && window_.unsent() == 0 && releases_.empty()) {
            co_await to_write_.wait();
        }
    }
    co_return !stopping_;
}

asio::awaitable<void> Stream::come_back() {
    const Options& options = shared_->options;
    Backoff delays(static_cast<uint32_t>(options.first_delay.count()),
                   static_cast<uint32_t>(options.max_delay.count()));
    assembly_.disconnected();
    const bool go_on = co_await wanted();
    if (!go_on) {
        co_return;
    }
    const size_t fresh = window_.unsent();
    window_.rewind();
    replays_ = window_.unsent() > fresh;
    for (Release& release : releases_) {
        release.finalized.reset();
    }
    while (loss_ && loss_->again && tries_ < options.reconnects) {
        ++tries_;
        co_await pause(std::chrono::milliseconds(delays.next(random_u32())));
        if (stopping_) {
            co_return;
        }
        const std::optional<net::WsError> error = co_await connect();
        if (!error) {
            log::info("a stream of deepgram is back",
                      {{"tries", tries_}, {"waiting_ms", to_ms(window_.unsent())}});
            co_return;
        }
        note_loss(judge(*error), error->what());
    }
    const bool refused = loss_ && !loss_->again;
    throw VoiceError(refused ? loss_->fault : VoiceFault::lost, refused ? loss_->safe : kLost);
}

// ---- what comes

asio::awaitable<void> Stream::read() {
    for (;;) {
        std::optional<net::WsMessage> message = co_await connection_->receive();
        if (!message) {
            break;
        }
        unanswered_since_.reset();
        unanswered_ = 0;
        if (message->opcode == Opcode::text) {
            take(message->payload);
        }
        while (assembly_.waiting() >= kMaxWaitingEvents && !stopping_) {
            co_await taken_.wait();
        }
    }
    note_loss(judge_close(connection_->close_code()),
              "closed with " + std::to_string(connection_->close_code()) + " " +
                  reason_code(connection_->close_reason()));
    throw Stopped();
}

void Stream::take(const std::string& text) {
    const std::optional<Message> message = parse_message(text);
    if (!message) {
        return; // as unknown types
    }
    if (request_id_.empty() && !message->request_id.empty()) {
        request_id_ = message->request_id;
        log::debug("deepgram listens", {{"request_id", request_id_}});
    }
    if (std::holds_alternative<Failed>(message->what)) {
        throw net::WsError(net::WsFault::lost, "Deepgram says that the stream has failed");
    }
    assembly_.take(*message, clock_, Clock::now());
    if (const auto* results = std::get_if<Results>(&message->what)) {
        tries_ = 0;
        if (results->is_final) {
            window_.cover(clock_.place(results->start + results->duration));
        }
    }
    drop_answered_releases();
    happened_.notify();
    to_write_.notify();
}

void Stream::drop_answered_releases() {
    while (releases_.size() > assembly_.releases()) {
        releases_.pop_front();
    }
}

} // namespace mr::voice::deepgram
