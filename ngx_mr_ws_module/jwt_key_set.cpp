// The JSON half of jwt_keys.h: key sets.
#include "ngx_mr_ws_module/base64url.h"
#include "ngx_mr_ws_module/json.h"
#include "ngx_mr_ws_module/jwt_keys.h"
#include "shared/openssl_errors.h"

#include <cjose/cjose.h>

#include <cstdlib>

namespace mr {
namespace {

enum class Verdict : uint8_t { ours, not_ours, broken };

// Which algorithm a key is for: what it says itself, else the only one of ours for its kind.
Verdict judge_kind(const json_t* key, JwtAlgorithm& algorithm) {
    std::string_view kind;
    std::string_view named;
    if (json_text(key, "kty", kind) != JsonField::present) {
        return Verdict::broken;
    }
    std::string_view curve;
    json_text(key, "crv", curve);
    if (kind == "oct") {
        algorithm = JwtAlgorithm::hs256;
    } else if (kind == "RSA") {
        algorithm = JwtAlgorithm::rs256;
    } else if (kind == "EC" && curve == "P-256") {
        algorithm = JwtAlgorithm::es256;
    } else {
        return Verdict::not_ours;
    }
    switch (json_text(key, "alg", named)) {
    case JsonField::present:
        return named == jwt_algorithm_name(algorithm) ? Verdict::ours : Verdict::not_ours;
    case JsonField::absent:
        return Verdict::ours;
    case JsonField::wrong_type:
        break;
    }
    return Verdict::broken;
}

// RFC 7517 sections 4.2 and 4.3: a key for encryption checks no signature.
Verdict judge_use(const json_t* key) {
    std::string_view use;
    const JsonField field = json_text(key, "use", use);
    if (field == JsonField::wrong_type) {
        return Verdict::broken;
    }
    if (field == JsonField::present && use != "sig") {
        return Verdict::not_ours;
    }
    const json_t* operations = json_object_get(key, "key_ops");
    if (operations == nullptr) {
        return Verdict::ours;
    }
    return json_names(operations, "verify") ? Verdict::ours : Verdict::not_ours;
}

// The members that make a public key or a secret (RFC 7518 section 6); unused places are null.
struct Members {
    const char* names[2];
    const char* curve;
};

Members members_of(JwtAlgorithm algorithm) {
    switch (algorithm) {
    case JwtAlgorithm::hs256:
        return {{"k", nullptr}, nullptr};
    case JwtAlgorithm::rs256:
        return {{"n", "e"}, nullptr};
    case JwtAlgorithm::es256:
        break;
    }
    return {{"x", "y"}, "crv"};
}

// cjose 0.6 aborts the process over a text that goes on behind its padding (an assertion in its
// base64 decoder): it gets valid texts alone, and nothing else of the key to decode.
cjose_jwk_t* import_key(const json_t* key, JwtAlgorithm algorithm) {
    const Members members = members_of(algorithm);
    json_t* bare = json_object();
    const auto copy = [&](const char* name) {
        return name == nullptr || json_object_set(bare, name, json_object_get(key, name)) == 0;
    };
    bool good = copy("kty") && copy(members.curve);
    for (const char* name : members.names) {
        std::string_view number;
        good = good && copy(name) &&
               (name == nullptr || (json_text(key, name, number) == JsonField::present &&
                                    !number.empty() && base64url_valid(number)));
    }
    char* text = good ? json_dumps(bare, JSON_COMPACT) : nullptr;
    json_decref(bare);
    if (text == nullptr) {
        return nullptr;
    }
    cjose_err error{};
    cjose_jwk_t* imported = cjose_jwk_import(text, std::strlen(text), &error);
    std::free(text);
    return imported;
}

} // namespace

class JwtKeySetReader {
  public:
    explicit JwtKeySetReader(JwtKeys& keys) : keys_(keys) {}

    const char* read(const json_t* set, size_t& passed_over) {
        const json_t* list = json_object_get(set, "keys");
        if (!json_is_array(list)) {
            return "it is no JSON object with a list \"keys\"";
        }
        const size_t before = keys_.count_;
        for (size_t i = 0; i < json_array_size(list); ++i) {
            if (const char* problem = take(json_array_get(list, i), passed_over)) {
                return problem;
            }
        }
        return keys_.count_ > before ? nullptr
                                     : "it has no key for HS256, RS256 or ES256 signatures";
    }

  private:
    const char* take(const json_t* key, size_t& passed_over) {
        if (!json_is_object(key)) {
            return "a member of \"keys\" is no object";
        }
        auto algorithm = JwtAlgorithm::hs256;
        const Verdict kind = judge_kind(key, algorithm);
        const Verdict use = judge_use(key);
        if (kind == Verdict::broken || use == Verdict::broken) {
            return "a key's \"kty\", \"alg\" or \"use\" is no text";
        }
        if (kind == Verdict::not_ours || use == Verdict::not_ours) {
            ++passed_over;
            return nullptr;
        }
        if (algorithm != JwtAlgorithm::hs256 && json_object_get(key, "d") != nullptr) {
            return "a key holds its private half: nginx needs the public one alone";
        }
        std::string_view id;
        const JsonField has_id = json_text(key, "kid", id);
        if (has_id == JsonField::wrong_type) {
            return "a key's \"kid\" is no text";
        }
        cjose_jwk_t* imported = import_key(key, algorithm);
        if (imported == nullptr) {
            return "a key is not usable: its numbers are missing or wrong";
        }
        return keys_.add(algorithm, imported, has_id == JsonField::present, id);
    }

    JwtKeys& keys_;
};

const char* JwtKeys::add_set(std::string_view json, size_t& passed_over) noexcept {
    const OpensslErrorsGone tidy;
    passed_over = 0;
    json_t* set = json_loadb(json.data(), json.size(), JSON_REJECT_DUPLICATES, nullptr);
    const char* problem = JwtKeySetReader(*this).read(set, passed_over);
    json_decref(set);
    return problem;
}

} // namespace mr
