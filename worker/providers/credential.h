// What makes a provider let a request in. Owns the secret; no one else sees it.
#pragma once

#include "worker/providers/interfaces.h"

#include <memory>
#include <string>

namespace mr {

class Credential {
  public:
    virtual ~Credential() = default;
    // A header line, empty for none. May ask somebody over the network first: then by
    // CallContext::deadline, and with ProviderError when it is not to be had.
    virtual Task<std::string> header(CallContext& call) = 0;
    // A request with that header was refused (401). True: another one is made the next time.
    virtual bool refused() = 0;
    // The text with the secret blotted out wherever it stands.
    virtual std::string redacted(std::string text) const = 0;
};

// `lead` is the header up to the key: "x-api-key: ". An empty key sends no header.
std::shared_ptr<Credential> make_key_credential(std::string lead, std::string key);

// `text` with every `secret` in it replaced; an empty secret is none.
std::string without_secret(std::string text, const std::string& secret);

} // namespace mr
