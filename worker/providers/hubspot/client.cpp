#include "worker/async.h"
#include "worker/log.h"
#include "worker/providers/hubspot/records.h"
#include "worker/providers/retry.h"

#include <algorithm>
#include <utility>

namespace mr::hubspot {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;
using std::chrono::milliseconds;

// One attempt: the reply, or why there is none.
struct Outcome {
    json reply;
    std::optional<Refusal> refusal;
    std::string detail; // for the log
};

class HubSpotSearch final : public CrmSearch {
  public:
    HubSpotSearch(std::shared_ptr<net::HttpClient> http,
                  std::shared_ptr<model::Credential> credential, Options options)
        : http_(std::move(http)), credential_(std::move(credential)), options_(std::move(options)) {
    }

    Task<CrmHits> search(const Question&, const std::string& input, const ProjectScope& scope,
                         CallContext& call) override {
        if (scope.unanswerable()) {
            throw ProviderError(ProviderFault::filter, "the project filter names no known project");
        }
        const std::vector<std::string> projects = project_values(scope, options_);
        std::vector<std::string> names = names_in(input, scope);
        if (names.empty()) {
            names.emplace_back(); // the latest, whatever their names
        }
        CrmHits hits;
        hits.query = input;
        for (const Kind* kind : kinds_in(input)) {
            if (kind->type == "deal") {
                co_await learn_labels(call);
            }
            for (const std::string& name : names) {
                const bool largest = input.find("largest") != std::string::npos ||
                                     input.find("biggest") != std::string::npos;
                const Search wanted{*kind, name, projects, largest};
                co_await pace(call);
                const json reply = co_await ask(search_request(wanted), !projects.empty(), call);
                read_hits(reply, wanted, options_, labels_, hits);
            }
        }
        co_return hits;
    }

  private:
    net::HttpRequest search_request(const Search& wanted) const {
        net::HttpRequest request("POST", options_.base_url + options_.objects_path + "/" +
                                             std::string(wanted.kind.path) + "/search");
        request.headers.emplace_back("Content-Type: application/json");
        request.body =
            search_body(wanted, options_).dump(-1, ' ', false, json::error_handler_t::replace);
        return request;
    }

    // Deals are told from each other without labels too: their failure is no failure of the search.
    Task<void> learn_labels(CallContext& call) {
        if (Clock::now() < labels_end_) {
            co_return;
        }
        labels_end_ = Clock::now() + kLabelsRetried; // nobody else asks meanwhile
        net::HttpRequest request("GET", options_.base_url + options_.pipelines_path + "/deals");
        const Outcome outcome = co_await attempt(std::move(request), false, 1, call);
        if (outcome.refusal) {
            log::warn("no labels of deal stages from HubSpot: their ids are shown",
                      {{"cause", credential_->redacted(outcome.detail)}});
            co_return;
        }
        labels_ = read_labels(outcome.reply);
        labels_end_ = Clock::now() + kLabelsKept;
    }

    // Takes the next free moment; turns that come later get later ones.
    Task<void> pace(const CallContext& call) {
        const Clock::time_point now = Clock::now();
        const Clock::time_point mine = std::max(now, next_search_);
        if (mine >= call.deadline) {
            throw ProviderError(ProviderFault::rate_limited,
                                "too many searches wait for HubSpot at the moment");
        }
        next_search_ = mine + std::chrono::microseconds(1'000'000 / options_.searches_per_second);
        if (mine > now) {
            co_await sleep_for(mine - now);
        }
    }

    Task<json> ask(net::HttpRequest request, bool filtered, CallContext& call) {
        for (int tried = 1;; ++tried) {
            net::HttpRequest copy = request;
            Outcome outcome = co_await attempt(std::move(copy), filtered, tried, call);
            if (!outcome.refusal) {
                co_return std::move(outcome.reply);
            }
            const Refusal& refusal = *outcome.refusal;
            const bool again = refusal.wait && tried <= static_cast<int>(options_.max_retries) &&
                               *refusal.wait <= kRetryAskedMax &&
                               Clock::now() + *refusal.wait < call.deadline;
            log::warn("a search of HubSpot failed",
                      {{"fault", provider_fault_name(refusal.fault)},
                       {"cause", credential_->redacted(outcome.detail)},
                       {"attempt", tried},
                       {"retry_in_ms", again ? refusal.wait->count() : -1}});
            if (!again) {
                throw ProviderError(refusal.fault, refusal.text);
            }
            ++call.attempts;
            co_await sleep_for(*refusal.wait);
        }
    }

    Task<Outcome> attempt(net::HttpRequest request, bool filtered, int tried, CallContext& call) {
        const std::string header = co_await credential_->header(call);
        if (!header.empty()) {
            request.headers.push_back(header);
        }
        request.headers.emplace_back("Accept: application/json");
        if (!call.traceparent.empty()) {
            request.headers.push_back("traceparent: " + call.traceparent);
        }
        const auto rest = std::chrono::duration_cast<milliseconds>(call.deadline - Clock::now());
        request.timeouts.connect = options_.connect_timeout;
        request.timeouts.total = std::max(rest, milliseconds(1));
        request.max_response_bytes = kMaxReplyBytes;
        request.ca_file = options_.ca_file;
        request.proxy = options_.proxy;
        request.connect_to = options_.connect_to;
        Outcome outcome;
        try {
            const net::HttpResponse response = co_await http_->request(std::move(request));
            outcome = outcome_of(response, filtered, tried);
        } catch (const net::HttpError& error) {
            outcome = no_response(error, tried);
        }
        co_return outcome;
    }

    Outcome outcome_of(const net::HttpResponse& response, bool filtered, int tried) const {
        Outcome outcome;
        if (response.head.status != 200) {
            outcome.refusal = refusal_of(response, options_, tried, filtered);
            const json body = json::parse(response.body, nullptr, false);
            outcome.detail = "status " + std::to_string(response.head.status);
            for (const char* part : {"category", "policyName", "message", "correlationId"}) {
                if (body.is_object() && body.contains(part) && body[part].is_string()) {
                    outcome.detail += ", " + body[part].get<std::string>().substr(0, kMaxNameBytes);
                }
            }
            return outcome;
        }
        outcome.reply = json::parse(response.body, nullptr, false);
        if (!outcome.reply.is_object()) {
            outcome.refusal = Refusal{ProviderFault::bad_reply, "HubSpot's reply cannot be read",
                                      options_.retry_base * tried};
            outcome.detail = "the reply is no JSON object";
        }
        return outcome;
    }

    Outcome no_response(const net::HttpError& error, int tried) const {
        const bool late = error.fault() == net::HttpFault::timeout;
        const bool lasting =
            error.fault() == net::HttpFault::tls || error.fault() == net::HttpFault::bad_request;
        Outcome outcome;
        outcome.refusal = Refusal{late ? ProviderFault::timeout : ProviderFault::unavailable,
                                  late ? "HubSpot did not answer in time"
                                       : "HubSpot is not available at the moment",
                                  {}};
        if (!lasting) {
            outcome.refusal->wait = options_.retry_base * tried;
        }
        outcome.detail = error.what();
        return outcome;
    }

    std::shared_ptr<net::HttpClient> http_;
    std::shared_ptr<model::Credential> credential_;
    Options options_;
    Labels labels_;
    Clock::time_point labels_end_ = Clock::time_point::min();
    Clock::time_point next_search_ = Clock::time_point::min();
};

} // namespace

std::unique_ptr<CrmSearch> make_crm_search(std::shared_ptr<net::HttpClient> http,
                                           std::shared_ptr<model::Credential> credential,
                                           Options options) {
    return std::make_unique<HubSpotSearch>(std::move(http), std::move(credential),
                                           std::move(options));
}

} // namespace mr::hubspot
