// One request to a language model and what comes of it: text to the sink as it arrives, usage, or a
// failure with its consequences. Knows how HTTP responses and event streams are to be read, and
// leaves their contents to the dialect; decides nothing about retries.
#pragma once

#include "worker/net/http_client.h"
#include "worker/net/sse.h"
#include "worker/providers/model/dialect.h"
#include "worker/providers/model/raw_tail.h"

#include <functional>
#include <optional>
#include <string>

namespace mr::model {

inline constexpr std::size_t kMaxStreamBytes = 64 * 1024 * 1024;
inline constexpr std::size_t kTextAhead = 64 * 1024; // given to the sink without waiting for room

class Exchange final : public net::HttpReceiver {
  public:
    // All outlive it. A model that is faster than its readers is read no further, when it has said
    // more than kTextAhead, until call.wait_room(), if there is one.
    Exchange(const Dialect& dialect, ModelSink& sink, const CallContext& call)
        : dialect_(dialect), sink_(sink), call_(call) {}

    void head(const net::HttpHead& head) override;
    Flow body(std::string_view piece) override;

    // The response has ended, or has been lost on the way.
    void finish();
    void lost(const net::HttpError& error);
    // After either: null when the reply is whole. The sink has been told its end then.
    const std::optional<Failure>& outcome() const { return failure_; }

    boost::asio::awaitable<void> paused() override;

    // What has been counted, also of a reply that failed.
    const std::optional<Usage>& usage() const { return usage_; }
    const net::HttpHead& head() const { return head_; }
    // When the first text came; null: none has.
    std::optional<SteadyTime> first_text() const { return first_text_; }

  private:
    void event(std::string_view data);
    void take(const Piece& piece);
    void count(const Usage& usage);
    std::optional<Failure> verdict();
    Failure failure_of_loss(const net::HttpError& error) const;
    std::optional<Failure> error_behind_the_stream() const;
    Failure refusal() const;

    const Dialect& dialect_;
    ModelSink& sink_;
    const CallContext& call_;
    net::HttpHead head_;
    net::SseDecoder decoder_;
    RawTail raw_;
    std::string whole_; // a reply that is no stream
    std::string model_;
    Stop stop_ = Stop::none;
    std::string stop_word_;
    std::optional<Usage> usage_;
    std::optional<Failure> failure_;
    std::size_t ahead_ = 0;
    bool stream_ = false;
    bool done_ = false; // the last word has come
    std::optional<SteadyTime> first_text_;
};

} // namespace mr::model
