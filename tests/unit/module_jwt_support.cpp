#include "module_jwt_support.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <stdexcept>
#include <vector>

namespace mr::test {
namespace {

void require(bool fine) {
    if (!fine) {
        throw std::runtime_error("OpenSSL refuses");
    }
}

PrivateKey owned(EVP_PKEY* key) {
    require(key != nullptr);
    return {key, EVP_PKEY_free};
}

template <typename Write> std::string written(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    require(write(bio.get()) == 1);
    char* text = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<size_t>(length)};
}

std::string number(const PrivateKey& key, const char* name, int size = 0) {
    BIGNUM* value = nullptr;
    require(EVP_PKEY_get_bn_param(key.get(), name, &value) == 1);
    std::vector<uint8_t> bytes(static_cast<size_t>(size != 0 ? size : BN_num_bytes(value)));
    BN_bn2binpad(value, bytes.data(), static_cast<int>(bytes.size()));
    BN_free(value);
    return {bytes.begin(), bytes.end()};
}

std::string signature(const PrivateKey& key, std::string_view input) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    require(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1);
    const auto* bytes = reinterpret_cast<const unsigned char*>(input.data());
    size_t length = 0;
    require(EVP_DigestSign(context.get(), nullptr, &length, bytes, input.size()) == 1);
    std::string out(length, '\0');
    require(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &length,
                           bytes, input.size()) == 1);
    out.resize(length);
    return out;
}

} // namespace

PrivateKey make_rsa(unsigned bits) {
    return owned(EVP_RSA_gen(bits));
}

PrivateKey make_ec(const char* curve) {
    return owned(EVP_EC_gen(curve));
}

std::string public_pem(const PrivateKey& key) {
    return written([&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key.get()); });
}

std::string private_pem(const PrivateKey& key) {
    return written([&](BIO* bio) {
        return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
}

std::string public_der(const PrivateKey& key) {
    return written([&](BIO* bio) { return i2d_PUBKEY_bio(bio, key.get()); });
}

std::string base64url(std::string_view bytes) {
    static constexpr char kAlphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    uint32_t bits = 0;
    int held = 0;
    for (const char c : bytes) {
        bits = bits << 8 | static_cast<uint8_t>(c);
        for (held += 8; held >= 6; held -= 6) {
            out += kAlphabet[bits >> (held - 6) & 63];
        }
    }
    if (held > 0) {
        out += kAlphabet[bits << (6 - held) & 63];
    }
    return out;
}

std::string rsa_jwk(const PrivateKey& key, std::string_view more) {
    return R"({"kty":"RSA","n":")" + base64url(number(key, OSSL_PKEY_PARAM_RSA_N)) + R"(","e":")" +
           base64url(number(key, OSSL_PKEY_PARAM_RSA_E)) + "\"" + std::string(more) + "}";
}

std::string ec_jwk(const PrivateKey& key, std::string_view more) {
    return R"({"kty":"EC","crv":"P-256","x":")" +
           base64url(number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32)) + R"(","y":")" +
           base64url(number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32)) + "\"" + std::string(more) + "}";
}

std::string oct_jwk(std::string_view secret, std::string_view more) {
    return R"({"kty":"oct","k":")" + base64url(secret) + "\"" + std::string(more) + "}";
}

std::string sign_hs256(std::string_view secret, std::string_view input) {
    std::array<uint8_t, 32> mac{};
    unsigned length = 0;
    require(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                 reinterpret_cast<const unsigned char*>(input.data()), input.size(), mac.data(),
                 &length) != nullptr);
    return {mac.begin(), mac.end()};
}

std::string sign_rs256(const PrivateKey& key, std::string_view input) {
    return signature(key, input);
}

std::string sign_es256(const PrivateKey& key, std::string_view input) {
    const std::string der = signature(key, input);
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), ECDSA_SIG_free);
    require(pair != nullptr);
    std::array<uint8_t, 64> raw{};
    BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), raw.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), raw.data() + 32, 32);
    return {raw.begin(), raw.end()};
}

std::string signing_input(std::string_view header, std::string_view payload) {
    return base64url(header) + "." + base64url(payload);
}

std::string hs256(std::string_view secret, std::string_view payload, std::string_view header) {
    const std::string input = signing_input(header, payload);
    return input + "." + base64url(sign_hs256(secret, input));
}

std::string rs256(const PrivateKey& key, std::string_view payload, std::string_view header) {
    const std::string input = signing_input(header, payload);
    return input + "." + base64url(sign_rs256(key, input));
}

std::string es256(const PrivateKey& key, std::string_view payload, std::string_view header) {
    const std::string input = signing_input(header, payload);
    return input + "." + base64url(sign_es256(key, input));
}

} // namespace mr::test
