// One microphone at Deepgram. Holds itself while its coroutine runs, which outlives its owner by no
// more than a connect or a close handshake with their time limits.
#pragma once

#include "worker/async.h"
#include "worker/net/ws_client.h"
#include "worker/voice/deepgram/assembly.h"
#include "worker/voice/deepgram/audio_window.h"
#include "worker/voice/deepgram/options.h"
#include "worker/voice/deepgram/verdict.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace mr::voice::deepgram {

// What the streams of one recogniser share.
struct Shared {
    explicit Shared(Options from) : options(std::move(from)) {}
    Options options;
    std::shared_ptr<net::TlsTrust> trust;
    unsigned streams = 0;            // that have a place
    bool vocabulary_refused = false; // by this account or model: not sent any more
};

class Stream : public std::enable_shared_from_this<Stream> {
  public:
    Stream(const boost::asio::any_io_executor& executor, std::shared_ptr<Shared> shared,
           RecognitionOptions options);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // Connects. Throws VoiceError. Then run() once, on its own.
    boost::asio::awaitable<void> open();
    boost::asio::awaitable<void> run();
    void stop(); // its owner is gone

    bool audio(PcmView samples);
    void release();
    boost::asio::awaitable<RecognitionEvent> next();

  private:
    using Clock = std::chrono::steady_clock;
    using Connection = std::shared_ptr<net::WsConnection>;

    struct Release {
        uint64_t at = 0;
        std::optional<Clock::time_point> finalized; // Finalize was sent
    };
    struct Stopped {}; // ends what a connection has running
    // What the writer does next: sends, or waits.
    struct Step {
        Opcode opcode = Opcode::text;
        std::string payload; // empty: nothing is to be sent
        Clock::time_point until{};
    };

    boost::asio::awaitable<void> serve();
    boost::asio::awaitable<void> talk();
    boost::asio::awaitable<void> read();
    boost::asio::awaitable<void> write();
    boost::asio::awaitable<void> come_back();
    boost::asio::awaitable<bool> wanted();
    boost::asio::awaitable<void> pause(Clock::duration time);
    boost::asio::awaitable<std::optional<net::WsError>> connect();
    boost::asio::awaitable<void> say_goodbye();

    net::WsOptions ws_options() const;
    void begin_connection(Connection connection);
    void take(const std::string& text);
    Step next_step(Clock::time_point now);
    std::optional<std::string> due_text(Clock::time_point now);
    bool take_audio(Clock::time_point now, Step& step);
    void settle_late(Clock::time_point now);
    bool unanswered() const;
    void check_answers(Clock::time_point now) const;
    void drop_answered_releases();
    void note_loss(const Verdict& verdict, const std::string& cause);
    void log_trouble(const Verdict& verdict, const std::string& cause) const;

    std::shared_ptr<Shared> shared_;
    RecognitionOptions stream_options_;
    Signal to_write_; // something to send, or stop()
    Signal happened_; // an event, or the end
    Signal taken_;    // an event
    Assembly assembly_;
    AudioWindow window_;
    std::deque<Release> releases_;
    std::optional<VoiceError> error_; // the stream has ended
    bool stopping_ = false;
    unsigned tries_ = 0; // connections since the last result

    // Of the connection.
    Connection connection_;
    ConnectionClock clock_;
    std::string request_id_;
    std::optional<Verdict> loss_;
    Clock::time_point sent_at_{}; // the last message
    Clock::time_point credit_at_{};
    double credit_ms_ = 0;                              // of audio, that may be sent at once
    std::optional<Clock::time_point> unanswered_since_; // audio
    size_t unanswered_ = 0;                             // samples
    bool replays_ = false;                              // what another connection had already
    Clock::time_point heard_at_{};                      // the last audio of the microphone
};

} // namespace mr::voice::deepgram
