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
    // Both outlive it.
    Exchange(const Dialect& dialect, ModelSink& sink) : dialect_(dialect), sink_(sink) {}

    void head(const net::HttpHead& head) override;
    Flow body(std::string_view piece) override;

    // The response has ended, or has been lost on the way: null when the reply is whole. The sink
    // has been told its end then.
    std::optional<Failure> finish();
    std::optional<Failure> lost(const net::HttpError& error);

    // More than kTextAhead has been said since the last room(): the stream pauses, `on_full` is
    // called, and room() lets it go on. Without `on_full` it never pauses.
    std::function<void()> on_full;
    bool full() const { return ahead_ >= kTextAhead; }
    void room();

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
    std::optional<Failure> error_behind_the_stream() const;
    Failure refusal() const;

    const Dialect& dialect_;
    ModelSink& sink_;
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
