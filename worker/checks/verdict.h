// What a call of a check came to, said in one line: what is wrong, and what to do about it. Pure,
// but for the clock that a reply came by. Errors are read by the words of all providers at once,
// since none uses another's word for something else; by status where there are none.
#pragma once

#include "worker/checks/probe.h"

namespace mr::checkup {

inline constexpr std::size_t kMaxWordsBytes = 200; // of a provider's, in a cause
// Between our clock and a provider's: assertions and certificates are not good beyond it.
inline constexpr std::chrono::seconds kClockTolerance{300};

// Fills the row from a reply. True: it is the API's, and no error.
bool judge(const Reply& reply, const Run& run, const Target& target, Finding& finding);

// A word of ours for a quota of a day, which Google says in the name of the quota alone.
inline constexpr std::string_view kDailyQuota = "quota of the day";

// What an error object of any provider says.
struct ErrorWords {
    std::vector<std::string> words; // codes, types, reasons
    std::string message;            // fit to be shown
    std::string param;

    bool has(std::string_view word) const;
};
ErrorWords error_words(const nlohmann::json& body, const std::string& secret);

void fail(Finding& finding, Trouble trouble, std::string cause, std::string cure);

// How much our clock is ahead of the provider's (negative: behind), by the reply's Date.
std::optional<std::chrono::seconds> clock_ahead(const Reply& reply);
std::string clock_words(std::chrono::seconds ahead); // "17 min ahead", "40 s behind"
inline constexpr std::string_view kClockCure = "set this machine's clock (NTP)";

// The names that are most like the one that is not there, at most three, most alike first.
std::vector<std::string> near_names(std::string_view name, std::span<const std::string> all);
std::string listed(std::span<const std::string> names); // "a, b, c"

// Without control characters and secrets, not longer than kMaxWordsBytes.
std::string shown(std::string text, const std::string& secret);

} // namespace mr::checkup
