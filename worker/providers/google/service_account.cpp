#include "worker/providers/google/service_account.h"

#include "worker/small_file.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

namespace mr::google {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kLifetime{3600}; // the longest there is

template <auto Free> struct Freed {
    template <typename T> void operator()(T* object) const { Free(object); }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;

std::string text_at(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// RFC 4648 section 5, without padding.
std::string base64url(std::string_view bytes) {
    std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(size));
    std::replace(out.begin(), out.end(), '+', '-');
    std::replace(out.begin(), out.end(), '/', '_');
    out.erase(std::find(out.begin(), out.end(), '='), out.end());
    return out;
}

Key read_key(const std::string& pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    // Never asks on a terminal: a key that has a password is none of ours.
    const auto no_password = [](char*, int, int, void*) { return -1; };
    Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr) : nullptr);
    if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
        throw std::runtime_error("its private_key is no RSA key in PEM");
    }
    return key;
}

std::string rs256(const Key& key, const std::string& text) {
    const Digest digest(EVP_MD_CTX_new());
    std::size_t size = 0;
    const auto* data = reinterpret_cast<const unsigned char*>(text.data());
    if (!digest ||
        EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
        EVP_DigestSign(digest.get(), nullptr, &size, data, text.size()) != 1) {
        throw std::runtime_error("its private_key cannot sign");
    }
    std::vector<unsigned char> signature(size);
    if (EVP_DigestSign(digest.get(), signature.data(), &size, data, text.size()) != 1) {
        throw std::runtime_error("its private_key cannot sign");
    }
    return {reinterpret_cast<const char*>(signature.data()), size};
}

} // namespace

ServiceAccount parse_service_account(std::string_view text) {
    const json object = json::parse(text, nullptr, false);
    if (!object.is_object()) {
        throw std::runtime_error("it is not the JSON of a key file");
    }
    if (text_at(object, "type") != "service_account") {
        throw std::runtime_error("its type is not service_account");
    }
    ServiceAccount account;
    account.email = text_at(object, "client_email");
    account.private_key = text_at(object, "private_key");
    account.key_id = text_at(object, "private_key_id");
    account.token_uri = text_at(object, "token_uri");
    if (account.email.empty() || account.private_key.empty()) {
        throw std::runtime_error("it lacks client_email or private_key");
    }
    if (account.token_uri.empty()) {
        account.token_uri = kTokenUrl;
    }
    read_key(account.private_key); // a bad one is found at the start
    return account;
}

ServiceAccount read_service_account(const std::string& path) {
    return parse_service_account(read_small_file(path, kMaxKeyFileBytes));
}

std::string signed_assertion(const ServiceAccount& account, std::string_view scope,
                             std::chrono::system_clock::time_point now) {
    const auto issued = std::chrono::system_clock::to_time_t(now);
    json header = {{"alg", "RS256"}, {"typ", "JWT"}};
    if (!account.key_id.empty()) {
        header["kid"] = account.key_id;
    }
    json claims;
    claims["iss"] = account.email;
    claims["scope"] = scope;
    claims["aud"] = kTokenUrl; // whatever token_uri says
    claims["iat"] = issued;
    claims["exp"] = issued + kLifetime.count();
    const std::string body = base64url(header.dump()) + "." + base64url(claims.dump());
    return body + "." + base64url(rs256(read_key(account.private_key), body));
}

std::string assertion_form(const std::string& assertion) {
    return "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" +
           assertion;
}

} // namespace mr::google
