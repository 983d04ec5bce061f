#include "worker/providers/entra/token.h"

#include "worker/encoding.h"
#include "worker/providers/remote_json.h"

#include <array>
#include <cctype>
#include <utility>

namespace mr::entra {
namespace {

using nlohmann::json;

constexpr int kOk = 200;

struct Cure {
    std::int64_t code;
    std::string_view text;
};
constexpr std::array kCures = {
    Cure{50'034, "the account is not in this tenant: check entra_tenant"},
    Cure{53'003, "a Conditional Access policy blocks it: exclude the application in Entra"},
    Cure{70'011, "the scope is not one of Entra's: check entra_scope (it ends in /.default)"},
    Cure{90'002, "there is no such tenant in this cloud: check entra_tenant and entra_authority"},
    Cure{90'013, "a value of the request is malformed: check entra_client_id and entra_scope"},
    Cure{90'033, "Entra has a problem of its own: it passes"},
    Cure{700'016, "no such application in the tenant: check entra_client_id and entra_tenant"},
    Cure{700'027, "the assertion is not accepted: use a client secret"},
    Cure{700'030, "the certificate is not accepted: use a client secret"},
    Cure{900'023, "entra_tenant is neither a tenant's id nor a domain"},
    Cure{1'002'012, "the scope needs to end in /.default: check entra_scope"},
    Cure{7'000'112, "the application is disabled: enable its service principal in Entra"},
    Cure{7'000'215, "the client secret is wrong: entra_client_secret needs the secret's value, "
                    "not its id"},
    Cure{7'000'216, "no client secret was sent: set entra_client_secret"},
    Cure{7'000'218, "no client secret was sent: set entra_client_secret"},
    Cure{7'000'222, "the client secret has expired: make a new one in Entra and set "
                    "entra_client_secret"},
};

// From error_codes, else out of "AADSTS7000215: ...".
std::int64_t code_of(const json& object) {
    for (const json& one : items_of(member(object, "error_codes"))) {
        if (const std::int64_t code = count_of(one)) {
            return code;
        }
    }
    constexpr std::string_view kLead = "AADSTS";
    constexpr std::size_t kMaxDigits = 12;
    const std::string text = text_of(member(object, "error_description"));
    std::int64_t code = 0;
    const std::size_t begin = text.starts_with(kLead) ? kLead.size() : text.size();
    for (std::size_t i = begin; i < text.size() && i < kLead.size() + kMaxDigits; ++i) {
        if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) {
            break;
        }
        code = code * 10 + (text[i] - '0');
    }
    return code;
}

class ClientSource final : public oauth::TokenSource {
  public:
    explicit ClientSource(ClientOptions options)
        : options_(std::move(options)), encoded_secret_(percent_encoded(options_.client_secret)) {
        while (options_.authority.ends_with('/')) {
            options_.authority.pop_back();
        }
    }

    std::string_view provider() const override { return "entra"; }
    std::string label() const override { return "Entra ID"; }
    std::string kind() const override { return "client secret"; }

    net::HttpRequest request() const override {
        net::HttpRequest request("POST", options_.authority + token_path(options_.tenant));
        request.headers.emplace_back("Content-Type: application/x-www-form-urlencoded");
        request.headers.emplace_back("Accept: application/json");
        request.body = token_form(options_.client_id, options_.client_secret, options_.scope);
        request.ca_file = options_.ca_file;
        request.proxy = options_.proxy;
        request.connect_to = options_.connect_to;
        return request;
    }

    // The description is left out: it may repeat what was sent.
    oauth::Reply read(const net::HttpResponse& response) const override {
        const int status = response.head.status;
        const json object = json::parse(response.body, nullptr, false);
        const std::string error = text_of(member(object, "error"));
        if (status == kOk && error.empty()) {
            return oauth::token_in(object);
        }
        std::string text =
            "status " + std::to_string(status) + " " + error.substr(0, oauth::kMaxErrorBytes);
        if (const std::int64_t code = code_of(object)) {
            text += " AADSTS" + std::to_string(code);
            const std::string_view cure = cure_of(code);
            text += cure.empty() ? "" : ": " + std::string(cure);
        }
        const std::string id = text_of(member(object, "correlation_id"));
        text += id.empty() ? "" : " (correlation id " + id.substr(0, oauth::kMaxErrorBytes) + ")";
        return oauth::trouble(std::move(text), oauth::passing_error(status, error));
    }

    std::string redacted(std::string text) const override {
        return without_secret(without_secret(std::move(text), options_.client_secret),
                              encoded_secret_);
    }

  private:
    ClientOptions options_;
    std::string encoded_secret_;
};

} // namespace

std::string_view cure_of(std::int64_t code) noexcept {
    for (const Cure& cure : kCures) {
        if (cure.code == code) {
            return cure.text;
        }
    }
    return {};
}

std::string token_path(const std::string& tenant) {
    return "/" + tenant + "/oauth2/v2.0/token";
}

std::string token_form(const std::string& client_id, const std::string& client_secret,
                       const std::string& scope) {
    return "grant_type=client_credentials&client_id=" + percent_encoded(client_id) +
           "&client_secret=" + percent_encoded(client_secret) + "&scope=" + percent_encoded(scope);
}

std::shared_ptr<Credential> make_client_credential(std::shared_ptr<net::HttpClient> http,
                                                   ClientOptions options) {
    const oauth::Timing timing = options.timing;
    return oauth::make_credential(std::move(http),
                                  std::make_unique<ClientSource>(std::move(options)), timing);
}

} // namespace mr::entra
