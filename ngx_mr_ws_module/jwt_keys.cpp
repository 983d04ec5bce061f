#include "ngx_mr_ws_module/jwt_keys.h"

#include "shared/openssl_errors.h"

#include <cjose/cjose.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstring>

namespace mr {
namespace {

constexpr char kOutOfMemory[] = "out of memory";
constexpr size_t kMaxNumberBytes = kMaxRsaBits / 8;
constexpr size_t kCoordinateBytes = 32;
constexpr size_t kBitsPerByte = 8;

// A big-endian number out of an OpenSSL key. 0: it has none of that name, or a longer one.
size_t take_number(const EVP_PKEY* key, const char* name, uint8_t* out, size_t room, int padded) {
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &number) != 1) {
        return 0;
    }
    const int size = padded != 0 ? padded : BN_num_bytes(number);
    const bool fits =
        size > 0 && static_cast<size_t>(size) <= room && BN_bn2binpad(number, out, size) == size;
    BN_free(number);
    return fits ? static_cast<size_t>(size) : 0;
}

cjose_jwk_t* import_rsa(const EVP_PKEY* key) {
    uint8_t modulus[kMaxNumberBytes];
    uint8_t exponent[kMaxNumberBytes];
    cjose_jwk_rsa_keyspec spec{};
    spec.n = modulus;
    spec.nlen = take_number(key, OSSL_PKEY_PARAM_RSA_N, modulus, sizeof(modulus), 0);
    spec.e = exponent;
    spec.elen = take_number(key, OSSL_PKEY_PARAM_RSA_E, exponent, sizeof(exponent), 0);
    cjose_err error{};
    return spec.nlen != 0 && spec.elen != 0 ? cjose_jwk_create_RSA_spec(&spec, &error) : nullptr;
}

cjose_jwk_t* import_ec(const EVP_PKEY* key) {
    uint8_t x[kCoordinateBytes];
    uint8_t y[kCoordinateBytes];
    cjose_jwk_ec_keyspec spec{};
    spec.crv = CJOSE_JWK_EC_P_256;
    spec.x = x;
    spec.xlen = take_number(key, OSSL_PKEY_PARAM_EC_PUB_X, x, sizeof(x), kCoordinateBytes);
    spec.y = y;
    spec.ylen = take_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, y, sizeof(y), kCoordinateBytes);
    cjose_err error{};
    return spec.xlen != 0 && spec.ylen != 0 ? cjose_jwk_create_EC_spec(&spec, &error) : nullptr;
}

bool is_p256(const EVP_PKEY* key) {
    char group[32];
    size_t length = 0;
    return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                          &length) == 1 &&
           std::string_view(group, length) == SN_X9_62_prime256v1;
}

// One public key or certificate. Null: it is neither.
EVP_PKEY* read_pem(std::string_view contents) {
    BIO* bio = BIO_new_mem_buf(contents.data(), static_cast<int>(contents.size()));
    if (bio == nullptr) {
        return nullptr;
    }
    EVP_PKEY* key = nullptr;
    if (contents.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) {
        X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
        key = certificate != nullptr ? X509_get_pubkey(certificate) : nullptr;
        X509_free(certificate);
    } else {
        key = PEM_read_bio_PUBKEY(bio, nullptr, nullptr, nullptr);
    }
    BIO_free(bio);
    return key;
}

const char* import_public(JwtAlgorithm algorithm, const EVP_PKEY* key, cjose_jwk_t*& out) {
    if (algorithm == JwtAlgorithm::es256) {
        if (EVP_PKEY_is_a(key, "EC") != 1 || !is_p256(key)) {
            return "ES256 needs an elliptic curve key on P-256";
        }
        out = import_ec(key);
    } else {
        const auto bits = static_cast<size_t>(EVP_PKEY_get_bits(key));
        if (EVP_PKEY_is_a(key, "RSA") != 1) {
            return "RS256 needs an RSA key";
        }
        if (bits < kMinRsaBits || bits > kMaxRsaBits) {
            return "an RSA key needs 2048 to 8192 bits";
        }
        out = import_rsa(key);
    }
    return out != nullptr ? nullptr : "the key is not usable";
}

// A public key is known to everybody: taken for a secret it would let everybody sign.
bool looks_public(std::string_view contents) {
    if (contents.find("-----BEGIN ") != std::string_view::npos) {
        return true;
    }
    const auto* der = reinterpret_cast<const unsigned char*>(contents.data());
    EVP_PKEY* key = d2i_PUBKEY(nullptr, &der, static_cast<long>(contents.size()));
    der = reinterpret_cast<const unsigned char*>(contents.data());
    X509* certificate =
        key == nullptr ? d2i_X509(nullptr, &der, static_cast<long>(contents.size())) : nullptr;
    const bool is_public = key != nullptr || certificate != nullptr;
    EVP_PKEY_free(key);
    X509_free(certificate);
    return is_public;
}

const char* import_secret(std::string_view contents, cjose_jwk_t*& out) {
    if (looks_public(contents)) {
        return "this is a key in PEM or DER, not a secret: name its algorithm, RS256 or ES256";
    }
    while (contents.ends_with('\n') || contents.ends_with('\r')) {
        contents.remove_suffix(1);
    }
    if (contents.size() < kMinHmacKeyBytes) {
        return "a secret for HS256 needs at least 32 bytes (\"openssl rand -hex 32\" makes one)";
    }
    cjose_err error{};
    out = cjose_jwk_create_oct_spec(reinterpret_cast<const uint8_t*>(contents.data()),
                                    contents.size(), &error);
    return out != nullptr ? nullptr : kOutOfMemory;
}

// What cjose made of a key: big enough, not too big.
const char* check_size(JwtAlgorithm algorithm, const cjose_jwk_t* key) {
    cjose_err error{};
    const size_t bits = cjose_jwk_get_keysize(key, &error);
    switch (algorithm) {
    case JwtAlgorithm::hs256:
        return bits >= kMinHmacKeyBytes * kBitsPerByte ? nullptr
                                                       : "a key for HS256 has less than 32 bytes";
    case JwtAlgorithm::rs256:
        return bits >= kMinRsaBits && bits <= kMaxRsaBits ? nullptr
                                                          : "an RSA key needs 2048 to 8192 bits";
    case JwtAlgorithm::es256:
        return cjose_jwk_EC_get_curve(key, &error) == CJOSE_JWK_EC_P_256
                   ? nullptr
                   : "ES256 needs an elliptic curve key on P-256";
    }
    return "unknown algorithm";
}

} // namespace

bool parse_jwt_algorithm(std::string_view name, JwtAlgorithm& out) noexcept {
    for (const auto algorithm : {JwtAlgorithm::hs256, JwtAlgorithm::rs256, JwtAlgorithm::es256}) {
        if (name == jwt_algorithm_name(algorithm)) {
            out = algorithm;
            return true;
        }
    }
    return false;
}

void JwtKeys::clear() noexcept {
    for (size_t i = 0; i < count_; ++i) {
        cjose_jwk_release(keys_[i].key);
    }
    count_ = 0;
}

bool JwtKeys::has(JwtAlgorithm algorithm) const noexcept {
    for (size_t i = 0; i < count_; ++i) {
        if (keys_[i].algorithm == algorithm) {
            return true;
        }
    }
    return false;
}

const JwtKey* JwtKeys::find(JwtAlgorithm algorithm, bool has_id,
                            std::string_view id) const noexcept {
    const JwtKey* fallback = nullptr;
    size_t candidates = 0;
    for (size_t i = 0; i < count_; ++i) {
        const JwtKey& key = keys_[i];
        if (key.algorithm != algorithm) {
            continue;
        }
        if (has_id && key.has_id && key.id_view() == id) {
            return &key;
        }
        if (!has_id || !key.has_id) {
            fallback = &key;
            ++candidates;
        }
    }
    return candidates == 1 ? fallback : nullptr;
}

const char* JwtKeys::add(JwtAlgorithm algorithm, cjose_jwk_t* key, bool has_id,
                         std::string_view id) noexcept {
    const char* problem = check_size(algorithm, key);
    if (problem == nullptr && count_ == kMaxJwtKeys) {
        problem = "there are more than 32 keys";
    }
    if (problem == nullptr && id.size() > kMaxKeyIdBytes) {
        problem = "a \"kid\" is longer than 128 bytes";
    }
    for (size_t i = 0; problem == nullptr && i < count_; ++i) {
        if (keys_[i].algorithm == algorithm && keys_[i].has_id == has_id &&
            keys_[i].id_view() == id) {
            problem = has_id ? "two keys of one algorithm have the same \"kid\""
                             : "two keys of one algorithm have no \"kid\"";
        }
    }
    if (problem != nullptr) {
        cjose_jwk_release(key);
        return problem;
    }
    JwtKey& slot = keys_[count_++];
    slot.key = key;
    slot.algorithm = algorithm;
    slot.has_id = has_id;
    slot.id_length = static_cast<uint8_t>(id.size());
    if (!id.empty()) {
        std::memcpy(slot.id, id.data(), id.size());
    }
    return nullptr;
}

const char* JwtKeys::add_file(JwtAlgorithm algorithm, std::string_view contents) noexcept {
    const OpensslErrorsGone tidy;
    cjose_jwk_t* key = nullptr;
    const char* problem = nullptr;
    if (algorithm == JwtAlgorithm::hs256) {
        problem = import_secret(contents, key);
    } else if (contents.find("PRIVATE KEY-----") != std::string_view::npos) {
        problem = "it holds a private key: nginx needs the public half alone (\"openssl pkey -in "
                  "FILE -pubout\" writes it)";
    } else {
        EVP_PKEY* parsed = read_pem(contents);
        problem = parsed == nullptr ? "there is no public key or certificate in PEM in it"
                                    : import_public(algorithm, parsed, key);
        EVP_PKEY_free(parsed);
    }
    return problem != nullptr ? problem : add(algorithm, key, false, {});
}

} // namespace mr
