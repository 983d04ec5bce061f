// The Google service account of one run: its key file, and what it has signed.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace mr::emulator {

inline constexpr std::string_view kAccountEmail =
    "emulated@emulated-project.iam.gserviceaccount.com";
inline constexpr std::string_view kProject = "emulated-project";

// A JSON Web Token of three parts, read but not judged.
struct Jwt {
    nlohmann::json header, claims;
    bool signed_by_us = false; // RS256 with the account's key
};

class Account {
  public:
    // With a new RSA key of 2048 bits. Throws std::runtime_error.
    Account();
    ~Account();
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

    std::string key_file(const std::string& token_uri) const;
    std::optional<Jwt> read(std::string_view token) const; // nothing: not of its form
    // Google's rules for a token sent to an API in place of an access token. Empty: it is good.
    std::string self_signed_problem(std::string_view token) const;

  private:
    bool verifies(std::string_view text, const std::string& signature) const;

    struct Key;
    std::unique_ptr<Key> key_;
};

} // namespace mr::emulator
