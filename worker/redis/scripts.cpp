#include "worker/redis/scripts.h"

#include "worker/encoding.h"
#include "worker/redis/connection.h"
#include "worker/redis/rate_script.h"

#include <openssl/sha.h>

#include <array>

namespace mr::redis {
namespace {

constexpr std::array<const Script*, 9> kAll = {&kMailScript,    &kClaimScript,  &kSaveScript,
                                               &kConsumeScript, &kFinishScript, &kReleaseScript,
                                               &kLeaseScript,   &kReapScript,   &kRateScript};

std::string sha1_hex(std::string_view text) {
    unsigned char digest[SHA_DIGEST_LENGTH];
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
    return hex_of(digest);
}

} // namespace

std::span<const Script* const> all_scripts() {
    return kAll;
}

std::string_view script_sha(const Script& script) {
    static const std::array<std::string, kAll.size()> kShas = [] {
        std::array<std::string, kAll.size()> shas;
        for (size_t i = 0; i < kAll.size(); ++i) {
            shas[i] = sha1_hex(kAll[i]->text);
        }
        return shas;
    }();
    for (size_t i = 0; i < kAll.size(); ++i) {
        if (kAll[i] == &script) {
            return kShas[i];
        }
    }
    return {};
}

ScriptCall::ScriptCall(const Script& script) : script_(&script) {
    parts_.reserve(3U + script.keys + script.arguments);
    parts_.emplace_back("EVALSHA");
    parts_.emplace_back(script_sha(script));
    parts_.emplace_back(std::to_string(script.keys));
}

void ScriptCall::append_to(Commands& commands) const {
    const std::vector<std::string_view> views(parts_.begin(), parts_.end());
    commands.add(views);
}

boost::asio::awaitable<Value> run_script(Connection& connection, ScriptCall call) {
    Commands commands;
    call.append_to(commands);
    Value reply = co_await connection.run(commands);
    if (!reply.error_is("NOSCRIPT")) {
        co_return reply;
    }
    Commands again;
    const std::string_view load[] = {"SCRIPT", "LOAD", call.script().text};
    again.add(load);
    call.append_to(again);
    std::vector<Value> replies = co_await connection.run_all(again);
    co_return std::move(replies[1]);
}

} // namespace mr::redis
