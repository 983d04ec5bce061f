#include "worker/providers/google/token.h"

#include "worker/async.h"
#include "worker/log.h"
#include "worker/providers/remote_json.h"
#include "worker/providers/retry.h"
#include "worker/random.h"

#include <algorithm>
#include <array>
#include <boost/asio/this_coro.hpp>
#include <utility>
#include <vector>

namespace mr::google {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kShortestLife{30}; // a token that says less, or nothing
constexpr milliseconds kMetadataTimeout{3'000};
constexpr milliseconds kTokenTimeout{10'000};
constexpr std::size_t kMaxTokenReplyBytes = 64 * 1024;
constexpr std::string_view kMetadataPath =
    "/computeMetadata/v1/instance/service-accounts/default/token";
constexpr std::array<std::string_view, 3> kPassingErrors = {"internal_failure", "server_error",
                                                            "temporarily_unavailable"};

// What a request for a token came to.
struct Reply {
    std::string token; // empty: there is none
    Clock::time_point ends;
    std::string trouble; // for the log
    bool passing = false;
};

Reply trouble(std::string what, bool passing) {
    Reply reply;
    reply.trouble = std::move(what);
    reply.passing = passing;
    return reply;
}

Reply read_reply(const net::HttpResponse& response, bool metadata) {
    const int status = response.head.status;
    const json object = json::parse(response.body, nullptr, false);
    const std::string error = text_of(member(object, "error"));
    if (status != 200 || !error.empty()) {
        const bool named =
            std::find(kPassingErrors.begin(), kPassingErrors.end(), error) != kPassingErrors.end();
        const std::string hint =
            error == "invalid_grant" ? " (is the clock right, the account enabled?)" : "";
        return trouble("status " + std::to_string(status) + " " + error.substr(0, 100) + hint,
                       named || (passing_status(status) && status != 409));
    }
    if (metadata && response.head.header("metadata-flavor") != "Google") {
        return trouble("the reply is not a metadata server's", false);
    }
    Reply reply;
    reply.token = text_of(member(object, "access_token"));
    const auto life = std::chrono::seconds(count_of(member(object, "expires_in")));
    reply.ends = Clock::now() + std::max(life, kShortestLife);
    const bool usable =
        !reply.token.empty() && std::all_of(reply.token.begin(), reply.token.end(),
                                            [](char c) { return c > ' ' && c < 0x7F; });
    return usable ? reply : trouble("the reply holds no access_token", false);
}

// One renewal that several calls wait for.
struct Flight {
    std::vector<std::shared_ptr<Signal>> waiting;
    bool over = false;
    std::optional<ProviderError> failure; // with `over`; neither it nor a token: given up
};

class TokenCredential final : public Credential {
  public:
    TokenCredential(std::shared_ptr<net::HttpClient> http, TokenOptions options)
        : http_(std::move(http)), options_(std::move(options)) {}

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
        return without_secret(std::move(text), token_);
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
                throw ProviderError(ProviderFault::timeout, "Google did not answer in time");
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
                ends_ = reply.ends;
                co_return;
            }
            const double spread = 0.9 + 0.2 * (static_cast<double>(random_u32()) / UINT32_MAX);
            const auto wait = milliseconds(static_cast<std::int64_t>(
                static_cast<double>((options_.retry_base * (1 << (tried - 1))).count()) * spread));
            const bool again =
                reply.passing && tried < kTokenTries && Clock::now() + wait < call.deadline;
            const ProviderFault fault =
                reply.passing ? ProviderFault::unavailable : ProviderFault::bad_request;
            log::warn("no access token from Google",
                      {{"provider", "google"},
                       {"source", options_.account ? "service account" : "metadata server"},
                       {"step", call.step},
                       {"fault", provider_fault_name(fault)},
                       {"cause", reply.trouble},
                       {"attempt", tried},
                       {"retry_in_ms", again ? wait.count() : -1}});
            if (!again) {
                throw ProviderError(fault, reply.passing ? "Google gives no access at the moment"
                                                         : "Google refused us access");
            }
            co_await sleep_for(wait);
        }
    }

    Task<Reply> ask(const CallContext& call) {
        net::HttpRequest request = options_.account ? account_request() : metadata_request();
        const auto rest = std::chrono::duration_cast<milliseconds>(call.deadline - Clock::now());
        const milliseconds limit = options_.account ? kTokenTimeout : kMetadataTimeout;
        request.timeouts.connect = std::min(limit, options_.connect_timeout);
        request.timeouts.first_byte = limit;
        request.timeouts.total = std::clamp(rest, milliseconds(1), limit);
        request.max_response_bytes = kMaxTokenReplyBytes;
        request.ca_file = options_.ca_file;
        Reply reply;
        try {
            const net::HttpResponse response = co_await http_->request(std::move(request));
            reply = read_reply(response, !options_.account);
        } catch (const net::HttpError& error) {
            reply = trouble(error.what(), error.fault() != net::HttpFault::tls);
        }
        co_return reply;
    }

    net::HttpRequest account_request() const {
        const ServiceAccount& account = *options_.account;
        net::HttpRequest request("POST", options_.token_url.empty() ? account.token_uri
                                                                    : options_.token_url);
        request.headers.emplace_back("Content-Type: application/x-www-form-urlencoded");
        request.body = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
                       "&assertion=" +
                       signed_assertion(account, kCloudScope, std::chrono::system_clock::now());
        request.proxy = options_.proxy;
        return request;
    }

    // Never through a proxy of the provider's: it is this machine's own.
    net::HttpRequest metadata_request() const {
        net::HttpRequest request("GET", options_.metadata_url + std::string(kMetadataPath));
        request.headers.emplace_back("Metadata-Flavor: Google");
        return request;
    }

    std::shared_ptr<net::HttpClient> http_;
    TokenOptions options_;
    std::string token_;
    Clock::time_point ends_ = Clock::time_point::min();
    std::shared_ptr<Flight> flight_; // while a renewal runs
};

} // namespace

std::shared_ptr<Credential> make_token_credential(std::shared_ptr<net::HttpClient> http,
                                                  TokenOptions options) {
    return std::make_shared<TokenCredential>(std::move(http), std::move(options));
}

} // namespace mr::google
