// One request to Chat Completions and what comes of it: text to the user as it arrives, usage, or a
// failure with its consequences. Knows how replies are to be read; decides nothing about retries.
#pragma once

#include "worker/net/http_client.h"
#include "worker/net/sse.h"
#include "worker/providers/openai/chat_reply.h"
#include "worker/providers/openai/chat_wire.h"
#include "worker/providers/overlap.h"

#include <chrono>
#include <optional>
#include <string>

namespace mr::openai {

inline constexpr std::size_t kMaxReplyBytes = 4 * 1024 * 1024; // of a reply that is not streamed
inline constexpr std::size_t kMaxStreamBytes = 64 * 1024 * 1024;
inline constexpr std::size_t kTextAhead = 64 * 1024; // given to the user without waiting for room

struct Failure {
    ProviderFault fault = ProviderFault::unavailable;
    std::string text;                              // for the user
    std::string detail;                            // for the log
    bool passing = false;                          // may be gone the next time
    std::optional<std::chrono::milliseconds> wait; // asked for by the provider
    std::string refused; // the part of our request that was refused, as in ApiError::param
};

class Exchange final : public net::HttpReceiver {
  public:
    // Both outlive it.
    Exchange(std::string_view delivered, const TextSink& sink) : cut_(delivered), sink_(sink) {}

    void head(const net::HttpHead& head) override;
    Flow body(std::string_view piece) override;

    // The response has ended, or has been lost on the way: null when the answer is whole.
    std::optional<Failure> finish();
    std::optional<Failure> lost(const net::HttpError& error);

    // More than kTextAhead has been said since the last room(): the stream pauses, `on_full` is
    // called, and room() lets it go on. Without `on_full` it never pauses.
    std::function<void()> on_full;
    bool full() const { return ahead_ >= kTextAhead; }
    void room();

    bool said_any() const { return said_any_; } // something has reached the user
    const std::optional<Usage>& usage() const { return usage_; }

  private:
    void event(std::string_view data);
    void take(const Piece& piece);
    void say(const std::string& text);
    std::optional<Failure> verdict();
    Failure refusal() const;

    OverlapCut cut_;
    const TextSink& sink_;
    net::HttpHead head_;
    net::SseDecoder decoder_;
    std::string whole_; // a reply that is no stream
    std::string finish_reason_;
    std::string model_;
    std::optional<Usage> usage_;
    std::optional<Failure> failure_;
    std::size_t ahead_ = 0;
    bool stream_ = false;
    bool done_ = false; // the stream's own last word
    bool said_any_ = false;
};

} // namespace mr::openai
