// Keys and tokens for the tests of access tokens, made with OpenSSL alone: what signs here is not
// what checks.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

namespace mr::test {

using PrivateKey = std::shared_ptr<EVP_PKEY>;

PrivateKey make_rsa(unsigned bits = 2048);
PrivateKey make_ec(const char* curve = "P-256");

std::string public_pem(const PrivateKey& key);
std::string private_pem(const PrivateKey& key);
std::string public_der(const PrivateKey& key);

// The public half as a JWK, with these further members: `,"kid":"1"`.
std::string rsa_jwk(const PrivateKey& key, std::string_view more);
std::string ec_jwk(const PrivateKey& key, std::string_view more);
std::string oct_jwk(std::string_view secret, std::string_view more);

std::string base64url(std::string_view bytes);

std::string sign_hs256(std::string_view secret, std::string_view signing_input);
std::string sign_rs256(const PrivateKey& key, std::string_view signing_input);
std::string sign_es256(const PrivateKey& key, std::string_view signing_input);

// Header and payload as JSON texts → `header.payload`, not signed yet.
std::string signing_input(std::string_view header, std::string_view payload);

// Complete tokens.
std::string hs256(std::string_view secret, std::string_view payload,
                  std::string_view header = R"({"alg":"HS256","typ":"JWT"})");
std::string rs256(const PrivateKey& key, std::string_view payload,
                  std::string_view header = R"({"alg":"RS256"})");
std::string es256(const PrivateKey& key, std::string_view payload,
                  std::string_view header = R"({"alg":"ES256"})");

} // namespace mr::test
