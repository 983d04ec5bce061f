#include "shared/token.h"

#include "shared/bytes.h"
#include "shared/openssl_errors.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>

namespace mr {
namespace {

constexpr size_t kMacBytes = 32;
constexpr size_t kMaxSubjectBytes = 512;
constexpr char kContext[] = "mr1";

void base64url(const uint8_t mac[kMacBytes], char out[kTokenMacChars]) {
    static constexpr char kAlphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    int held = 0;
    size_t at = 0;
    for (size_t i = 0; i < kMacBytes; ++i) {
        bits = (bits << 8) | mac[i];
        held += 8;
        while (held >= 6) {
            held -= 6;
            out[at++] = kAlphabet[(bits >> held) & 63];
        }
    }
    if (held > 0) {
        out[at++] = kAlphabet[(bits << (6 - held)) & 63];
    }
}

// The fields have fixed lengths or alphabets without NUL, so the concatenation with NULs between
// them is unambiguous.
bool sign(std::string_view secret, std::string_view session_id, std::string_view expiry,
          std::string_view subject, char out[kTokenMacChars]) {
    uint8_t message[sizeof(kContext) + kSessionIdChars + 18 + kMaxSubjectBytes];
    size_t length = 0;
    const auto put = [&](std::string_view part) {
        if (!part.empty()) { // an empty view may have no address at all
            std::memcpy(message + length, part.data(), part.size());
        }
        length += part.size();
        message[length++] = 0;
    };
    if (subject.size() + 1 > kMaxSubjectBytes || session_id.size() != kSessionIdChars ||
        expiry.size() > 16) {
        return false;
    }
    put({kContext, sizeof(kContext) - 1});
    put(session_id);
    put(expiry);
    put(subject);
    const OpensslErrorsGone tidy;
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_length = 0;
    if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), message, length, mac,
             &mac_length) == nullptr ||
        mac_length != kMacBytes) {
        return false;
    }
    base64url(mac, out);
    return true;
}

std::optional<uint64_t> parse_hex(std::string_view text) {
    if (text.empty() || text.size() > 16) {
        return std::nullopt;
    }
    uint64_t value = 0;
    for (char c : text) {
        uint64_t digit = 0;
        if (c >= '0' && c <= '9') {
            digit = static_cast<uint64_t>(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = static_cast<uint64_t>(c - 'a') + 10;
        } else {
            return std::nullopt;
        }
        value = (value << 4) | digit;
    }
    return value;
}

} // namespace

bool make_resume_token(TokenText& out, std::string_view secret, std::string_view session_id,
                       std::string_view subject, uint64_t expires_at_s) {
    static constexpr char kHex[] = "0123456789abcdef";
    if (session_id.size() != kSessionIdChars) {
        return false;
    }
    size_t at = 0;
    std::memcpy(out.chars, session_id.data(), session_id.size());
    at += session_id.size();
    out.chars[at++] = '.';
    const size_t expiry_at = at;
    int shift = 60;
    while (shift > 0 && ((expires_at_s >> shift) & 15) == 0) {
        shift -= 4;
    }
    for (; shift >= 0; shift -= 4) {
        out.chars[at++] = kHex[(expires_at_s >> shift) & 15];
    }
    const std::string_view expiry{out.chars + expiry_at, at - expiry_at};
    out.chars[at++] = '.';
    if (!sign(secret, session_id, expiry, subject, out.chars + at)) {
        return false;
    }
    out.length = static_cast<uint8_t>(at + kTokenMacChars);
    return true;
}

std::optional<ResumeRequest> check_resume_protocol(std::string_view protocol,
                                                   std::string_view secret,
                                                   std::string_view subject, uint64_t now_s) {
    if (!protocol.starts_with(kResumeProtocolPrefix)) {
        return std::nullopt;
    }
    protocol.remove_prefix(sizeof(kResumeProtocolPrefix) - 1);
    if (protocol.size() < kSessionIdChars + 1 || protocol[kSessionIdChars] != '.') {
        return std::nullopt;
    }
    const std::string_view session_id = slice(protocol, 0, kSessionIdChars);
    protocol.remove_prefix(kSessionIdChars + 1);
    const size_t dot = protocol.find('.');
    if (dot == std::string_view::npos || protocol.size() < dot + 1 + kTokenMacChars + 1) {
        return std::nullopt;
    }
    const std::string_view expiry = slice(protocol, 0, dot);
    const std::string_view mac = slice(protocol, dot + 1, kTokenMacChars);
    const std::string_view position = slice(protocol, dot + 1 + kTokenMacChars);
    const auto expires_at = parse_hex(expiry);
    const auto cursor =
        position.starts_with('.') ? parse_event_id(slice(position, 1)) : std::nullopt;
    char expected[kTokenMacChars];
    if (!session_id_valid(session_id) || !expires_at || !cursor ||
        !sign(secret, session_id, expiry, subject, expected) ||
        CRYPTO_memcmp(expected, mac.data(), kTokenMacChars) != 0 || *expires_at <= now_s) {
        return std::nullopt;
    }
    return ResumeRequest{session_id, *cursor};
}

} // namespace mr
