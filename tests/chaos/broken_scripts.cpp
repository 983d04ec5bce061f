// The relay's scripts with a guard taken out, for the build that the judge must convict. Stands in
// for shared/scripts.cpp: the same scripts, changed where MR_BROKEN says so.
#define kClaimScript kWholeClaimScript
#define kSaveScript kWholeSaveScript
#define kConsumeScript kWholeConsumeScript
#define kReapScript kWholeReapScript
#include "shared/scripts.cpp"
#undef kClaimScript
#undef kSaveScript
#undef kConsumeScript
#undef kReapScript

#include "shared/guard.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace mr {

extern const Script kClaimScript;
extern const Script kSaveScript;
extern const Script kConsumeScript;
extern const Script kReapScript;

namespace {

struct Change {
    Guard guard;
    std::string_view whole;
    std::string_view broken;
};

// Kept for the whole program.
std::string_view changed(const Script& script, std::initializer_list<Change> changes) {
    auto* text = new std::string(script.text);
    for (const Change& change : changes) {
        const size_t at = text->find(change.whole);
        if (at == std::string::npos) {
            std::fprintf(stderr, "broken_scripts: %s has changed: \"%.60s\" is not in it\n",
                         std::string(script.name).c_str(), change.whole.data());
            std::abort();
        }
        if (removed(change.guard)) {
            text->replace(at, change.whole.size(), change.broken);
        }
    }
    return *text;
}

// The same epoch goes on under every owner, behind whatever stands in the log.
constexpr Change kSameEpoch = {Guard::fencing,
                               "local epoch = math.max(tonumber(state[3] or 0) + 1, now)",
                               "local epoch = math.max(tonumber(state[3] or 0), 1)\n"
                               "local kept = state[3] and true or false"};
constexpr Change kNoNewerEpoch = {Guard::fencing, "if pe >= epoch then epoch = pe + 1 end", ""};
constexpr Change kNoRecord = {
    Guard::fencing,
    "redis.call('XADD', log, string.format('%.0f-0', epoch), 'd', record)\n"
    "redis.call('SPUBLISH', channel, record)",
    "if not kept then\n"
    "redis.call('XADD', log, string.format('%.0f-0', epoch), 'd', record)\n"
    "redis.call('SPUBLISH', channel, record)\n"
    "end"};
// Followers learn of the new owner by his first event.
constexpr Change kRecordUntold = {Guard::takeover_record,
                                  "redis.call('SPUBLISH', channel, record)\n", ""};
constexpr Change kAnyOwnerSaves = {Guard::fencing,
                                   "if state[1] ~= epoch or state[2] ~= worker then return 0 end",
                                   "if state[1] ~= epoch then return 0 end"};
constexpr Change kLeasesOnly = {
    Guard::pending_list,
    "for _, consumer in ipairs(summary[4] or {}) do\n    local name = consumer[1]",
    "for _, name in ipairs(redis.call('ZRANGE', leases, 0, -1)) do"};

} // namespace

const Script kClaimScript = {
    "claim", changed(kWholeClaimScript, {kSameEpoch, kNoNewerEpoch, kNoRecord, kRecordUntold}),
    kWholeClaimScript.keys, kWholeClaimScript.arguments};
const Script kSaveScript = {"save", changed(kWholeSaveScript, {kAnyOwnerSaves}),
                            kWholeSaveScript.keys, kWholeSaveScript.arguments};
const Script kConsumeScript = {"consume", changed(kWholeConsumeScript, {kAnyOwnerSaves}),
                               kWholeConsumeScript.keys, kWholeConsumeScript.arguments};
const Script kReapScript = {"reap", changed(kWholeReapScript, {kLeasesOnly}), kWholeReapScript.keys,
                            kWholeReapScript.arguments};

} // namespace mr
