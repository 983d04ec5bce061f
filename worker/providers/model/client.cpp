#include "worker/providers/model/client.h"

#include "worker/async.h"
#include "worker/log.h"
#include "worker/metrics/meters.h"
#include "worker/providers/call_log.h"
#include "worker/providers/model/exchange.h"
#include "worker/providers/retry.h"
#include "worker/random.h"

#include <algorithm>
#include <utility>

namespace mr::model {
namespace {

using std::chrono::milliseconds;

constexpr int kUnauthorized = 401;
constexpr std::string_view kOperation = "generate"; // in logs and metrics

milliseconds until(SteadyTime deadline) {
    const auto left = deadline - std::chrono::steady_clock::now();
    return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(left));
}

// Does the refusal speak of this part of our request?
bool speaks_of(const Failure& failure, const OptionalPart& part) {
    const std::string_view param = failure.param;
    const bool named = !part.param.empty() && param.starts_with(part.param) &&
                       (param.size() == part.param.size() || param[part.param.size()] == '.' ||
                        param[part.param.size()] == '[');
    return named || (!part.word.empty() && failure.message.find(part.word) != std::string::npos);
}

class Client final : public ChatModel {
  public:
    Client(std::shared_ptr<net::HttpClient> http, std::unique_ptr<Dialect> dialect,
           std::shared_ptr<Credential> credential, Options options)
        : http_(std::move(http)), dialect_(std::move(dialect)), credential_(std::move(credential)),
          options_(std::move(options)) {}

    Task<void> generate(const ModelRequest& request, ModelSink& sink, CallContext& call) override {
        unsigned retries = 0;
        bool renewed = false;
        for (call.attempts = 1;; ++call.attempts) {
            sink.begin();
            if (options_.gate) {
                co_await options_.gate->admit(call);
            }
            const Features sent = features_;
            Exchange exchange(*dialect_, sink, call);
            co_await ask(request, sent, exchange, call);
            if (exchange.usage()) {
                call.usage.push_back(*exchange.usage());
                count_tokens(*exchange.usage());
            }
            const std::optional<Failure>& failure = exchange.outcome();
            if (!failure) {
                co_return;
            }
            if (options_.gate && failure->wait && failure->passing &&
                failure->fault == ProviderFault::rate_limited) {
                options_.gate->hold(*failure->wait);
            }
            const bool open = !sink.committed();
            if (open && leave_out(*failure, sent)) {
                report(*failure, call, milliseconds(0));
                continue;
            }
            if (open && failure->status == kUnauthorized && !renewed && credential_->refused()) {
                renewed = true;
                report(*failure, call, milliseconds(0));
                continue;
            }
            const milliseconds wait = failure->wait.value_or(retry_backoff(
                static_cast<int>(retries), static_cast<double>(random_u32()) / UINT32_MAX));
            const bool again = failure->passing && open && retries < options_.max_retries;
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
    // The request is not looked at any more once something of its answer has been passed on.
    Task<void> ask(const ModelRequest& request, const Features& features, Exchange& exchange,
                   CallContext& call) {
        const bool streamed = streams(request, features);
        const std::string credential = co_await credential_->header(call);
        metrics::RequestWatch watch(dialect_->provider(), kOperation);
        try {
            co_await send(request, features, exchange, call, credential);
            exchange.finish();
        } catch (const net::HttpError& error) {
            exchange.lost(error);
        }
        tell(streamed, exchange, watch);
    }

    // This one and some below are not inlined: what the body of a coroutine calls inline has its
    // locals in the coroutine's frame, which lies there as long as an answer streams.
    [[gnu::noinline]] Task<void> send(const ModelRequest& request, const Features& features,
                                      Exchange& exchange, const CallContext& call,
                                      const std::string& credential) const {
        return http_->stream(http_request(request, features, call, credential), exchange);
    }

    [[gnu::noinline]] void tell(bool streamed, const Exchange& exchange,
                                metrics::RequestWatch& watch) const {
        const std::optional<Failure>& failure = exchange.outcome();
        watch.ended(failure ? provider_fault_name(failure->fault) : "ok");
        if (exchange.first_text() && streamed) {
            const auto took = *exchange.first_text() - watch.started();
            metrics::meters()
                .first_token.at({dialect_->provider(), options_.model})
                .observe(std::chrono::duration<double>(took).count());
        }
        log_call(dialect_->provider(), kOperation, exchange.head(), watch.started(), *credential_);
    }

    // By the name that was asked for: what the provider calls the model is no label.
    [[gnu::noinline]] void count_tokens(const Usage& usage) const {
        const std::string_view provider = dialect_->provider();
        metrics::CounterFamily& tokens = metrics::meters().tokens;
        const auto add = [&](std::string_view kind, std::int64_t count) {
            if (count > 0) {
                tokens.at({provider, options_.model, kind}).add(static_cast<uint64_t>(count));
            }
        };
        add("input", usage.input_tokens);
        add("output", usage.output_tokens);
        add("cached", usage.cached_tokens);
    }

    net::HttpRequest http_request(const ModelRequest& request, const Features& features,
                                  const CallContext& call, const std::string& credential) const {
        WireRequest wire = dialect_->request(request, features);
        net::HttpRequest http("POST", options_.base_url + wire.path);
        http.still_wanted = call.owned;
        http.headers = std::move(wire.headers);
        http.headers.emplace_back("Content-Type: application/json");
        http.headers.emplace_back(streams(request, features) ? "Accept: text/event-stream"
                                                             : "Accept: application/json");
        if (!call.traceparent.empty()) {
            http.headers.push_back("traceparent: " + call.traceparent);
        }
        if (!dialect_->client_id_header().empty()) {
            http.headers.push_back(std::string(dialect_->client_id_header()) + ": " +
                                   client_request_id(call));
        }
        if (!credential.empty()) {
            http.headers.push_back(credential);
        }
        http.body = wire.body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        http.body.shrink_to_fit(); // it stays as long as the answer streams
        http.max_response_bytes = kMaxStreamBytes;
        http.trickles = streams(request, features);
        http.ca_file = options_.ca_file;
        http.proxy = options_.proxy;
        http.connect_to = options_.connect_to;
        http.timeouts.connect = options_.connect_timeout;
        http.timeouts.first_byte = options_.first_byte_timeout;
        http.timeouts.idle = options_.idle_timeout;
        http.timeouts.total = until(call.deadline);
        return http;
    }

    // True: something that was sent and refused is left out from now on.
    [[gnu::noinline]] bool leave_out(const Failure& failure, const Features& sent) {
        if (failure.status != 400 && failure.status != 422) {
            return false;
        }
        for (const OptionalPart& part : dialect_->optional_parts()) {
            if (sent.has(part.name) && speaks_of(failure, part)) {
                if (features_.drop(part.name)) {
                    log::warn("language model refuses a part of our requests: left out from now on",
                              {{"provider", dialect_->provider()},
                               {"model", options_.model},
                               {"part", part.name}});
                }
                return true;
            }
        }
        return false;
    }

    // `wait`: until the next attempt, which counts; null: there is none.
    [[gnu::noinline]] void report(const Failure& failure, const CallContext& call,
                                  std::optional<milliseconds> wait) const {
        const std::string_view fault = provider_fault_name(failure.fault);
        if (wait) {
            metrics::meters().retries.at({dialect_->provider(), fault}).add();
        }
        log::warn("language model call failed", {{"provider", dialect_->provider()},
                                                 {"model", options_.model},
                                                 {"step", call.step},
                                                 {"fault", fault},
                                                 {"cause", credential_->redacted(failure.detail)},
                                                 {"attempt", call.attempts},
                                                 {"retry_in_ms", wait ? wait->count() : -1}});
    }

    std::shared_ptr<net::HttpClient> http_;
    std::unique_ptr<Dialect> dialect_;
    std::shared_ptr<Credential> credential_;
    Options options_;
    Features features_;
};

} // namespace

std::shared_ptr<ChatModel> make_client(std::shared_ptr<net::HttpClient> http,
                                       std::unique_ptr<Dialect> dialect,
                                       std::shared_ptr<Credential> credential, Options options) {
    while (options.base_url.ends_with('/')) {
        options.base_url.pop_back();
    }
    return std::make_shared<Client>(std::move(http), std::move(dialect), std::move(credential),
                                    std::move(options));
}

} // namespace mr::model
