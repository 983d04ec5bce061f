#include "worker/providers/credential.h"

#include <utility>

namespace mr {
namespace {

constexpr std::string_view kBlot = "[key]";

class KeyCredential final : public Credential {
  public:
    KeyCredential(std::string lead, std::string key)
        : lead_(std::move(lead)), key_(std::move(key)) {}

    Task<std::string> header(CallContext&) override {
        co_return key_.empty() ? std::string() : lead_ + key_;
    }
    bool refused() override { return false; }
    std::string redacted(std::string text) const override {
        return without_secret(std::move(text), key_);
    }

  private:
    std::string lead_;
    std::string key_;
};

} // namespace

std::string without_secret(std::string text, const std::string& secret) {
    for (std::size_t at = secret.empty() ? std::string::npos : text.find(secret);
         at != std::string::npos; at = text.find(secret, at + kBlot.size())) {
        text.replace(at, secret.size(), kBlot);
    }
    return text;
}

std::shared_ptr<Credential> make_key_credential(std::string lead, std::string key) {
    return std::make_shared<KeyCredential>(std::move(lead), std::move(key));
}

} // namespace mr
