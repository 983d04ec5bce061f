#include "worker/providers/oauth/token.h"

#include "worker/async.h"
#include "worker/log.h"
#include "worker/metrics/meters.h"
#include "worker/providers/remote_json.h"
#include "worker/providers/retry.h"
#include "worker/random.h"

#include <algorithm>
#include <array>
#include <boost/asio/this_coro.hpp>
#include <optional>
#include <utility>
#include <vector>

namespace mr::oauth {
namespace {

ProviderFault fault_of(const Reply& reply) {
    const bool refused = reply.reached && !reply.passing;
    return refused ? ProviderFault::bad_request : ProviderFault::unavailable;
}

using nlohmann::json;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr int kConflict = 409;
constexpr std::array<std::string_view, 3> kPassingErrors = {"internal_failure", "server_error",
                                                            "temporarily_unavailable"};

// One renewal that several calls wait for.
struct Flight {
    std::vector<std::shared_ptr<Signal>> waiting;
    bool over = false;
    std::optional<ProviderError> failure; // with `over`; neither it nor a token: given up
};

class TokenCredential final : public Credential {
  public:
    TokenCredential(std::shared_ptr<net::HttpClient> http, std::unique_ptr<TokenSource> source,
                    Timing timing)
        : http_(std::move(http)), source_(std::move(source)), timing_(timing) {}

    Task<std::string> header(CallContext& call) override {
        while (left() < kRenewBefore) {
            if (!flight_) {
                co_await fly(call);
                break;
            }
            co_await wait_for_flight(call);
            if (left() > Clock::duration::zero()) {
                break;
            }
        }
        co_return "Authorization: Bearer " + token_;
    }

    bool refused() override {
        ends_ = Clock::time_point::min();
        return true;
    }

    std::string redacted(std::string text) const override {
        return source_->redacted(without_secret(std::move(text), token_));
    }

  private:
    Clock::duration left() const {
        const auto now = Clock::now();
        return ends_ <= now ? Clock::duration::zero() : ends_ - now;
    }

    // Whatever becomes of this call, also its cancellation, those who wait are told.
    class Landing {
      public:
        explicit Landing(std::shared_ptr<Flight>& flight) : flight_(flight), mine_(flight) {}
        Landing(const Landing&) = delete;
        Landing& operator=(const Landing&) = delete;
        ~Landing() {
            mine_->over = true;
            flight_.reset();
            for (const auto& signal : mine_->waiting) {
                signal->notify();
            }
        }

      private:
        std::shared_ptr<Flight>& flight_;
        std::shared_ptr<Flight> mine_;
    };

    Task<void> fly(CallContext& call) {
        flight_ = std::make_shared<Flight>();
        const std::shared_ptr<Flight> mine = flight_;
        const Landing landing(flight_);
        try {
            co_await renew(call);
        } catch (const ProviderError& error) {
            if (left() > Clock::duration::zero()) {
                co_return; // the old one still holds; the next call tries again
            }
            mine->failure = error;
            throw;
        }
    }

    Task<void> wait_for_flight(CallContext& call) {
        const auto executor = co_await boost::asio::this_coro::executor;
        const std::shared_ptr<Flight> flight = flight_;
        const auto signal = std::make_shared<Signal>(executor);
        flight->waiting.push_back(signal);
        while (!flight->over) {
            const auto rest = call.deadline - Clock::now();
            if (rest <= Clock::duration::zero()) {
                throw ProviderError(ProviderFault::timeout,
                                    source_->label() + " did not answer in time");
            }
            co_await signal->wait_for(rest);
        }
        if (flight->failure) {
            throw ProviderError(*flight->failure);
        }
    }

    Task<void> renew(CallContext& call) {
        for (int tried = 1;; ++tried) {
            const Reply reply = co_await ask(call);
            if (!reply.token.empty()) {
                token_ = reply.token;
                ends_ = Clock::now() + std::max(reply.life, kShortestLife);
                co_return;
            }
            const milliseconds wait = pause_behind(tried);
            const bool again =
                reply.passing && tried < kTokenTries && Clock::now() + wait < call.deadline;
            const ProviderFault fault = fault_of(reply);
            log::warn("no access token from " + source_->label(),
                      {{"provider", source_->provider()},
                       {"source", source_->kind()},
                       {"step", call.step},
                       {"fault", provider_fault_name(fault)},
                       {"cause", source_->redacted(reply.trouble)},
                       {"attempt", tried},
                       {"retry_in_ms", again ? wait.count() : -1}});
            if (!again) {
                throw ProviderError(fault, source_->label() +
                                               (!reply.reached  ? " could not be reached"
                                                : reply.passing ? " gives no access at the moment"
                                                                : " refused us access"));
            }
            metrics::meters().retries.at({source_->provider(), provider_fault_name(fault)}).add();
            co_await sleep_for(wait);
        }
    }

    milliseconds pause_behind(int tried) const {
        const double spread = 0.9 + 0.2 * (static_cast<double>(random_u32()) / UINT32_MAX);
        const auto whole = timing_.retry_base * (1 << (tried - 1));
        return milliseconds(static_cast<std::int64_t>(static_cast<double>(whole.count()) * spread));
    }

    Task<Reply> ask(const CallContext& call) {
        net::HttpRequest request = source_->request();
        const auto rest = std::chrono::duration_cast<milliseconds>(call.deadline - Clock::now());
        const milliseconds limit = source_->limit();
        request.timeouts.connect = std::min(limit, timing_.connect_timeout);
        request.timeouts.first_byte = limit;
        request.timeouts.total = std::clamp(rest, milliseconds(1), limit);
        request.max_response_bytes = kMaxTokenReplyBytes;
        Reply reply;
        metrics::RequestWatch watch(source_->provider(), "token");
        try {
            const net::HttpResponse response = co_await http_->request(std::move(request));
            reply = source_->read(response);
        } catch (const net::HttpError& error) {
            const bool tls = error.fault() == net::HttpFault::tls;
            reply = trouble(error.what(), !tls);
            reply.reached = !tls;
        }
        watch.ended(reply.token.empty() ? provider_fault_name(fault_of(reply)) : "ok");
        co_return reply;
    }

    std::shared_ptr<net::HttpClient> http_;
    std::unique_ptr<TokenSource> source_;
    Timing timing_;
    std::string token_;
    Clock::time_point ends_ = Clock::time_point::min();
    std::shared_ptr<Flight> flight_; // while a renewal runs
};

} // namespace

Reply trouble(std::string what, bool passing) {
    Reply reply;
    reply.trouble = std::move(what);
    reply.passing = passing;
    return reply;
}

Reply token_in(const json& object) {
    Reply reply;
    reply.token = text_of(member(object, "access_token"));
    reply.life = std::chrono::seconds(count_of(member(object, "expires_in")));
    const bool usable =
        !reply.token.empty() && std::all_of(reply.token.begin(), reply.token.end(),
                                            [](char c) { return c > ' ' && c < 0x7F; });
    return usable ? reply : trouble("the reply holds no access_token", false);
}

bool passing_error(int status, const std::string& error) {
    const bool named =
        std::find(kPassingErrors.begin(), kPassingErrors.end(), error) != kPassingErrors.end();
    return named || (passing_status(status) && status != kConflict);
}

std::shared_ptr<Credential> make_credential(std::shared_ptr<net::HttpClient> http,
                                            std::unique_ptr<TokenSource> source, Timing timing) {
    return std::make_shared<TokenCredential>(std::move(http), std::move(source), timing);
}

} // namespace mr::oauth
