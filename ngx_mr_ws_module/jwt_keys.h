// The keys that access tokens are checked by: a secret, a public key in PEM, or a JSON Web Key Set
// (RFC 7517). Every key is bound to one algorithm when it is read, and is never asked to check
// another one: what a token says of its algorithm chooses among keys, it does not choose what is
// done with one (RFC 8725 section 3.1). Knows nothing of nginx, reads no file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

struct _cjose_jwk_int;

namespace mr {

enum class JwtAlgorithm : uint8_t { hs256, rs256, es256 };
inline constexpr size_t kJwtAlgorithms = 3;

constexpr std::string_view jwt_algorithm_name(JwtAlgorithm algorithm) noexcept {
    switch (algorithm) {
    case JwtAlgorithm::hs256:
        return "HS256";
    case JwtAlgorithm::rs256:
        return "RS256";
    case JwtAlgorithm::es256:
        return "ES256";
    }
    return {};
}

// False: none of the three, by their exact names.
bool parse_jwt_algorithm(std::string_view name, JwtAlgorithm& out) noexcept;

inline constexpr size_t kMaxJwtKeys = 32;
inline constexpr size_t kMaxKeyIdBytes = 128;
inline constexpr size_t kMaxKeyFileBytes = 256 * 1024;
inline constexpr size_t kMinHmacKeyBytes = 32; // RFC 7518 section 3.2
inline constexpr size_t kMinRsaBits = 2048;    // RFC 7518 section 3.3
inline constexpr size_t kMaxRsaBits = 8192;    // what a check may cost

struct JwtKey {
    _cjose_jwk_int* key = nullptr; // owned by JwtKeys
    JwtAlgorithm algorithm = JwtAlgorithm::hs256;
    bool has_id = false;
    uint8_t id_length = 0;
    char id[kMaxKeyIdBytes] = {};

    std::string_view id_view() const noexcept { return {id, id_length}; }
};

// Owns its keys; filled while the configuration is read, constant afterwards.
class JwtKeys {
  public:
    JwtKeys() = default;
    JwtKeys(const JwtKeys&) = delete;
    JwtKeys& operator=(const JwtKeys&) = delete;
    ~JwtKeys() { clear(); }

    void clear() noexcept;
    size_t size() const noexcept { return count_; }
    bool has(JwtAlgorithm algorithm) const noexcept;

    // For a token with this key id, or with none. With an id: the key of that id, else the only
    // key that has none (a key file knows no ids). Without: the only key there is for the
    // algorithm. Null: no such key.
    const JwtKey* find(JwtAlgorithm algorithm, bool has_id, std::string_view id) const noexcept;

    // The contents of a key file: for HS256 the secret (line ends behind it do not count), else one
    // public key or certificate in PEM. Null on success, else what is wrong, for a message.
    const char* add_file(JwtAlgorithm algorithm, std::string_view contents) noexcept;

    // A key set. Keys for other uses or algorithms are passed over and counted; one that is meant
    // for us and broken makes the whole set invalid.
    const char* add_set(std::string_view json, size_t& passed_over) noexcept;

  private:
    const char* add(JwtAlgorithm algorithm, _cjose_jwk_int* key, bool has_id,
                    std::string_view id) noexcept; // takes the key over

    JwtKey keys_[kMaxJwtKeys];
    size_t count_ = 0;

    friend class JwtKeySetReader;
};

} // namespace mr
