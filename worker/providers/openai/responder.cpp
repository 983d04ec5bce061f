#include "worker/providers/openai/responder.h"

#include "worker/async.h"
#include "worker/log.h"
#include "worker/pipeline/concurrency.h"
#include "worker/providers/openai/exchange.h"
#include "worker/providers/retry.h"
#include "worker/random.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <utility>
#include <vector>

namespace mr::openai {
namespace {

using std::chrono::milliseconds;

milliseconds until(SteadyTime deadline) {
    const auto left = deadline - std::chrono::steady_clock::now();
    return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(left));
}

std::string without(std::string text, const std::string& secret) {
    for (std::size_t at = secret.empty() ? std::string::npos : text.find(secret);
         at != std::string::npos; at = text.find(secret, at)) {
        text.replace(at, secret.size(), "[key]");
    }
    return text;
}

class ChatResponder final : public Responder {
  public:
    ChatResponder(std::shared_ptr<net::HttpClient> http, Options options)
        : http_(std::move(http)), options_(std::move(options)) {}

    Task<void> respond(const AnswerRequest& request, const TextSink& sink,
                       CallContext& call) override {
        unsigned retries = 0;
        for (call.attempts = 1;; ++call.attempts) {
            Exchange exchange(request.delivered, sink);
            const std::optional<Failure> failure = co_await ask(request, exchange, call);
            if (exchange.usage()) {
                call.usage.push_back(*exchange.usage());
            }
            if (!failure) {
                co_return;
            }
            if (!exchange.said_any() && drop(failure->refused)) {
                report(*failure, call, milliseconds(0));
                continue;
            }
            const bool again =
                failure->passing && !exchange.said_any() && retries < options_.max_retries;
            const milliseconds wait = failure->wait.value_or(retry_backoff(
                static_cast<int>(retries), static_cast<double>(random_u32()) / UINT32_MAX));
            if (!again || wait > kRetryAskedMax || wait >= until(call.deadline)) {
                report(*failure, call, std::nullopt);
                throw ProviderError(failure->fault, failure->text);
            }
            ++retries;
            report(*failure, call, wait);
            co_await sleep_for(wait);
        }
    }

  private:
    Task<std::optional<Failure>> ask(const AnswerRequest& request, Exchange& exchange,
                                     const CallContext& call) {
        std::optional<Failure> failure;
        net::HttpRequest http = http_request(request, call);
        try {
            if (call.wait_room) {
                co_await stream_with_room(std::move(http), exchange, call);
            } else {
                co_await http_->stream(std::move(http), exchange);
            }
            failure = exchange.finish();
        } catch (const net::HttpError& error) {
            failure = exchange.lost(error);
        }
        co_return failure;
    }

    // A model that is faster than its readers is read no further until there is room again.
    struct Room {
        explicit Room(const boost::asio::any_io_executor& executor) : changed(executor) {}
        Signal changed;
        bool over = false;
    };

    Task<void> stream_with_room(net::HttpRequest http, Exchange& exchange,
                                const CallContext& call) {
        const auto executor = co_await boost::asio::this_coro::executor;
        Room room(executor);
        exchange.on_full = [&room] { room.changed.notify(); };
        std::vector<Task<void>> works;
        works.push_back(stream_to_end(std::move(http), exchange, room));
        works.push_back(make_room(exchange, call, room));
        co_await run_all(std::move(works));
    }

    Task<void> stream_to_end(net::HttpRequest http, Exchange& exchange, Room& room) {
        co_await http_->stream(std::move(http), exchange);
        room.over = true;
        room.changed.notify();
    }

    static Task<void> make_room(Exchange& exchange, const CallContext& call, Room& room) {
        while (!room.over) {
            if (exchange.full()) {
                co_await call.wait_room();
                exchange.room();
            } else {
                co_await room.changed.wait();
            }
        }
    }

    net::HttpRequest http_request(const AnswerRequest& request, const CallContext& call) const {
        net::HttpRequest http("POST", options_.base_url + "/chat/completions");
        http.still_wanted = call.owned;
        http.headers.emplace_back("Content-Type: application/json");
        http.headers.emplace_back(features_.stream ? "Accept: text/event-stream"
                                                   : "Accept: application/json");
        if (!options_.api_key.empty()) {
            http.headers.push_back("Authorization: Bearer " + options_.api_key);
        }
        if (!call.traceparent.empty()) {
            http.headers.push_back("traceparent: " + call.traceparent);
        }
        http.body = request_body(request, options_.model, features_);
        http.max_response_bytes = kMaxStreamBytes;
        http.timeouts.connect = options_.connect_timeout;
        http.timeouts.first_byte = options_.first_byte_timeout;
        http.timeouts.idle = options_.idle_timeout;
        http.timeouts.total = until(call.deadline);
        return http;
    }

    // True: the part of our request that was refused can be left out, from now on.
    bool drop(std::string_view refused) {
        if (refused.starts_with("stream_options")) {
            return std::exchange(features_.stream_options, false);
        }
        return refused == "stream" && std::exchange(features_.stream, false);
    }

    // `wait`: until the next attempt; null: there is none.
    void report(const Failure& failure, const CallContext& call,
                std::optional<milliseconds> wait) const {
        log::warn("language model call failed",
                  {{"provider", "openai"},
                   {"model", options_.model},
                   {"fault", provider_fault_name(failure.fault)},
                   {"cause", without(failure.detail, options_.api_key)},
                   {"attempt", call.attempts},
                   {"retry_in_ms", wait ? wait->count() : -1}});
    }

    std::shared_ptr<net::HttpClient> http_;
    Options options_;
    Features features_;
};

} // namespace

std::unique_ptr<Responder> make_responder(std::shared_ptr<net::HttpClient> http, Options options) {
    while (options.base_url.ends_with('/')) {
        options.base_url.pop_back();
    }
    return std::make_unique<ChatResponder>(std::move(http), std::move(options));
}

} // namespace mr::openai
