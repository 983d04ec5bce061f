#include "worker/providers/google/token.h"

#include "worker/providers/remote_json.h"

#include <utility>

namespace mr::google {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr int kOk = 200;
constexpr milliseconds kMetadataTimeout{3'000};

oauth::Reply read_reply(const net::HttpResponse& response) {
    const int status = response.head.status;
    const json object = json::parse(response.body, nullptr, false);
    const std::string error = text_of(member(object, "error"));
    if (status == kOk && error.empty()) {
        return oauth::token_in(object);
    }
    const std::string hint =
        error == "invalid_grant" ? " (is the clock right, the account enabled?)" : "";
    return oauth::trouble("status " + std::to_string(status) + " " +
                              error.substr(0, oauth::kMaxErrorBytes) + hint,
                          oauth::passing_error(status, error));
}

class AccountSource final : public oauth::TokenSource {
  public:
    explicit AccountSource(TokenOptions options) : options_(std::move(options)) {}

    std::string_view provider() const override { return "google"; }
    std::string label() const override { return "Google"; }
    std::string kind() const override { return "service account"; }
    net::HttpRequest request() const override {
        const ServiceAccount& account = *options_.account;
        net::HttpRequest request("POST", options_.token_url.empty() ? account.token_uri
                                                                    : options_.token_url);
        request.headers.emplace_back("Content-Type: application/x-www-form-urlencoded");
        request.body = assertion_form(
            signed_assertion(account, kCloudScope, std::chrono::system_clock::now()));
        request.ca_file = options_.ca_file;
        request.proxy = options_.proxy;
        return request;
    }
    oauth::Reply read(const net::HttpResponse& response) const override {
        return read_reply(response);
    }

  private:
    TokenOptions options_;
};

class MetadataSource final : public oauth::TokenSource {
  public:
    explicit MetadataSource(TokenOptions options) : options_(std::move(options)) {}

    std::string_view provider() const override { return "google"; }
    std::string label() const override { return "Google"; }
    std::string kind() const override { return "metadata server"; }
    milliseconds limit() const override { return kMetadataTimeout; }
    // Never through a proxy of the provider's: it is this machine's own.
    net::HttpRequest request() const override {
        net::HttpRequest request("GET", options_.metadata_url + std::string(kMetadataTokenPath));
        request.headers.emplace_back("Metadata-Flavor: Google");
        request.ca_file = options_.ca_file;
        return request;
    }
    oauth::Reply read(const net::HttpResponse& response) const override {
        oauth::Reply reply = read_reply(response);
        const bool known = response.head.header("metadata-flavor") == "Google";
        if (response.head.status == kOk && reply.trouble.empty() && !known) {
            return oauth::trouble("the reply is not a metadata server's", false);
        }
        return reply;
    }

  private:
    TokenOptions options_;
};

} // namespace

std::shared_ptr<Credential> make_token_credential(std::shared_ptr<net::HttpClient> http,
                                                  TokenOptions options) {
    const oauth::Timing timing{options.connect_timeout, options.retry_base};
    std::unique_ptr<oauth::TokenSource> source;
    if (options.account) {
        source = std::make_unique<AccountSource>(std::move(options));
    } else {
        source = std::make_unique<MetadataSource>(std::move(options));
    }
    return oauth::make_credential(std::move(http), std::move(source), timing);
}

} // namespace mr::google
