// What every emulated provider is to the server: it refuses what its real counterpart would refuse,
// answers the rest, and has words for a failure. Pure: no I/O, no waiting.
#pragma once

#include "tests/emulator/answer.h"
#include "tests/emulator/behaviour.h"
#include "tests/emulator/checks.h"
#include "tests/emulator/record.h"
#include "tests/emulator/script.h"

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mr::emulator {

class Account;
class Tickets;

// A request on its way through its provider.
struct Call {
    const Request& request;
    std::string path;    // decoded, without the provider's prefix
    nlohmann::json body; // discarded: not JSON
    Record& record;
    const Script& script;
    Tickets& tickets; // access tokens of all token servers
    std::string provider;

    bool known_key(std::string_view key) const { return script.has_key(provider, key); }
    std::string query(std::string_view name) const; // decoded; empty: not there
    std::optional<std::string> bearer() const;
};

class Provider {
  public:
    virtual ~Provider() = default;
    // Names record.endpoint; what is wrong with the request, if anything, as the provider says it.
    virtual std::optional<Answer> refuse(Call& call) = 0;
    virtual Answer answer(Call& call, const Behaviour& how) = 0;
    // The provider's error of this status; fields of `error` replace those it would have itself.
    virtual Answer fail(const Call& call, int status, const nlohmann::json& error) = 0;
};

std::unique_ptr<Provider> make_openai();
std::unique_ptr<Provider> make_anthropic();
std::unique_ptr<Provider> make_gemini(const Account& account);
std::unique_ptr<Provider> make_google_auth(const Account& account);
std::unique_ptr<Provider> make_bigquery(const Account& account);
std::unique_ptr<Provider> make_vertex_search(const Account& account);
std::unique_ptr<Provider> make_hubspot();
std::unique_ptr<Provider> make_entra();
std::unique_ptr<Provider> make_powerbi();
std::unique_ptr<Provider> make_elevenlabs();

// ---- what several of them need

// "Bearer x", "x-api-key" and the like are compared without regard to the scheme's case.
bool is_json(const Request& request);
std::string unescape(std::string_view text);                            // %41 and +
std::map<std::string, std::string> parse_form(const std::string& body); // urlencoded
std::string fresh_id(std::string_view prefix);                          // "chatcmpl-000000000017"
std::vector<std::string> split_path(std::string_view path);
Tokens tokens_of(const Behaviour& how, const nlohmann::json& schema = {});
// The least JSON that a schema (JSON Schema or Google's OpenAPI subset) allows, deterministic.
nlohmann::json example_of(const nlohmann::json& schema);
std::size_t usage_of(const Behaviour& how, const char* what, std::size_t otherwise);
std::int64_t unix_time();
// From `error`, or what would be said otherwise.
nlohmann::json field_of(const nlohmann::json& error, const char* name, nlohmann::json otherwise);

} // namespace mr::emulator
