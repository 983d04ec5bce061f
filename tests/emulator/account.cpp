#include "tests/emulator/account.h"

#include "tests/emulator/provider.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <stdexcept>

namespace mr::emulator {
namespace {

using nlohmann::json;

constexpr const char* kKeyId = "emulated-key-id";
constexpr std::int64_t kClockSkewS = 60;

// RFC 4648 section 5, without padding; nothing when a character is none of its alphabet.
std::optional<std::string> decode_base64url(std::string_view text) {
    std::string out;
    unsigned bits = 0;
    unsigned have = 0;
    for (const char c : text) {
        static constexpr std::string_view kAlphabet =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        const std::size_t value = kAlphabet.find(c);
        if (value == std::string_view::npos) {
            return std::nullopt;
        }
        bits = (bits << 6U | static_cast<unsigned>(value)) & 0xFFFFU;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out += static_cast<char>(bits >> have & 0xFFU);
        }
    }
    return out;
}

} // namespace

struct Account::Key {
    EVP_PKEY* pkey = nullptr;
    ~Key() { EVP_PKEY_free(pkey); }
};

Account::Account() : key_(std::make_unique<Key>()) {
    key_->pkey = EVP_RSA_gen(2048);
    if (!key_->pkey) {
        throw std::runtime_error("OpenSSL: cannot make an RSA key");
    }
}

Account::~Account() = default;

std::string Account::key_file(const std::string& token_uri) const {
    BIO* memory = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(memory, key_->pkey, nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    const std::string pem(data, static_cast<std::size_t>(size));
    BIO_free_all(memory);
    const json file = {{"type", "service_account"},     {"project_id", kProject},
                       {"private_key_id", kKeyId},      {"private_key", pem},
                       {"client_email", kAccountEmail}, {"client_id", "100000000000000000001"},
                       {"token_uri", token_uri}};
    return file.dump(2) + "\n";
}

std::optional<Jwt> Account::read(std::string_view token) const {
    const std::size_t first = token.find('.');
    const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos) {
        return std::nullopt;
    }
    const auto header = decode_base64url(token.substr(0, first));
    const auto claims = decode_base64url(token.substr(first + 1, second - first - 1));
    const auto signature = decode_base64url(token.substr(second + 1));
    if (!header || !claims || !signature) {
        return std::nullopt;
    }
    Jwt jwt{json::parse(*header, nullptr, false), json::parse(*claims, nullptr, false)};
    if (!jwt.header.is_object() || !jwt.claims.is_object()) {
        return std::nullopt;
    }
    jwt.signed_by_us = jwt.header.value("alg", json()) == "RS256" &&
                       jwt.header.value("kid", json(kKeyId)) == kKeyId &&
                       verifies(token.substr(0, second), *signature);
    return jwt;
}

bool Account::verifies(std::string_view text, const std::string& signature) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key_->pkey);
    const int result = EVP_DigestVerify(
        context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
        reinterpret_cast<const unsigned char*>(text.data()), text.size());
    EVP_MD_CTX_free(context);
    return result == 1;
}

std::string Account::self_signed_problem(std::string_view token) const {
    const std::optional<Jwt> jwt = read(token);
    if (!jwt || !jwt->signed_by_us) {
        return "not an access token, nor one that the account has signed";
    }
    const json& claims = jwt->claims;
    if (claims.value("iss", "") != kAccountEmail || claims.value("sub", "") != kAccountEmail) {
        return "iss and sub are not the account's";
    }
    const std::string audience = claims.value("aud", "");
    if (claims.contains("scope") == !audience.empty() ||
        (!audience.empty() && !audience.ends_with('/'))) {
        return "either scope or an aud that ends in a slash";
    }
    const json issued = claims.value("iat", json());
    const json expires = claims.value("exp", json());
    if (!issued.is_number_integer() || !expires.is_number_integer() ||
        issued.get<std::int64_t>() > unix_time() + kClockSkewS ||
        expires.get<std::int64_t>() < unix_time() - kClockSkewS) {
        return "iat or exp is out of time";
    }
    return {};
}

} // namespace mr::emulator
