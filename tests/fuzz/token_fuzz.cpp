// Any bytes as the resume subprotocol, and as session, subject and secret of a token of our own:
// ours is taken as it is, by its owner and until it ends, and not with any byte changed, added or
// lost.
#include "shared/token.h"
#include "tests/fuzz/fuzz_support.h"

#include <string>

namespace {

using namespace mr;
using fuzz::require;

constexpr std::string_view kSecret = "the key of the resume tokens here";
constexpr uint64_t kNow = 1'800'000'000;

void check_foreign(std::string_view text) {
    require(!check_resume_protocol(text, kSecret, "", kNow), "nobody guesses a signature");
}

// `text`: where the token is changed, then the subject.
void check_own(uint8_t choice, std::string_view text) {
    uint8_t random[16] = {};
    std::copy_n(text.begin(), std::min<size_t>(text.size(), sizeof(random)), random);
    char session[kSessionIdChars];
    format_session_id(random, session);
    const size_t at = text.empty() ? 0 : static_cast<uint8_t>(text[0]);
    const std::string_view subject = text.substr(std::min<size_t>(text.size(), 16), 500);
    const uint64_t expires = (uint64_t{choice} << 24) * (at + 1);
    TokenText token;
    const bool made =
        make_resume_token(token, kSecret, {session, kSessionIdChars}, subject, expires);
    require(made, "a token can be made");
    const std::string offer = kResumeProtocolPrefix + std::string(token.view()) + ".7-9";
    const auto good = check_resume_protocol(offer, kSecret, subject, kNow);
    require(good.has_value() == (expires > kNow), "it is good until it ends");
    if (!good) {
        return;
    }
    require(good->session_id == std::string_view(session, kSessionIdChars) &&
                good->cursor == EventId{7, 9},
            "it says what was put in");
    require(!check_resume_protocol(offer, kSecret, std::string(subject) + "x", kNow),
            "it is its owner's alone");
    require(!check_resume_protocol(offer, "another key of resume tokens", subject, kNow),
            "it is of this secret alone");
    const size_t signed_chars = sizeof(kResumeProtocolPrefix) - 1 + token.view().size();
    std::string changed = offer;
    char& c = changed[at % signed_chars];
    c = static_cast<char>(c ^ (1 << choice % 8));
    require(!check_resume_protocol(changed, kSecret, subject, kNow), "no byte can be changed");
    std::string shorter = offer;
    shorter.erase(at % signed_chars, 1);
    require(!check_resume_protocol(shorter, kSecret, subject, kNow), "no byte can be left out");
    std::string longer = offer;
    longer.insert(at % signed_chars, 1, 'a');
    require(!check_resume_protocol(longer, kSecret, subject, kNow), "no byte can be added");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const fuzz::Input input(data, size);
    if ((input.choice & 1) != 0) {
        check_own(input.choice, input.text);
    } else {
        check_foreign(input.text);
        check_foreign(kResumeProtocolPrefix + std::string(input.text));
    }
    return 0;
}
