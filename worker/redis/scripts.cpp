#include "worker/redis/scripts.h"

#include "worker/encoding.h"
#include "worker/redis/connection.h"
#include "worker/redis/rate_script.h"

#include <openssl/sha.h>

#include <array>
#include <charconv>
#include <utility>
#include <vector>

namespace mr::redis {
namespace {

constexpr size_t kPartBytes = 48; // of a key or a short argument with what is around it

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

ScriptCall::ScriptCall(const Script& script, size_t bytes) : script_(&script) {
    parts_.reserve(bytes + kPartBytes * (3U + script.keys + script.arguments));
    add("EVALSHA").add(script_sha(script)).add(uint64_t{script.keys});
}

ScriptCall& ScriptCall::add(std::string_view part) {
    char size[24];
    const auto end = std::to_chars(size, size + sizeof(size), part.size()).ptr;
    parts_ += '$';
    parts_.append(size, end);
    parts_ += "\r\n";
    parts_ += part;
    parts_ += "\r\n";
    ++count_;
    return *this;
}

boost::asio::awaitable<Value> run_script(Connection& connection,
                                         std::shared_ptr<const ScriptCall> call) {
    Commands commands;
    call->append_to(commands);
    Value reply = co_await connection.run(commands);
    if (!reply.error_is("NOSCRIPT")) {
        co_return reply;
    }
    Commands again;
    const std::string_view load[] = {"SCRIPT", "LOAD", call->script().text};
    again.add(load);
    call->append_to(again);
    std::vector<Value> replies = co_await connection.run_all(again);
    co_return std::move(replies[1]);
}

boost::asio::awaitable<Value> run_script(Connection& connection, ScriptCall call) {
    return run_script(connection, std::make_shared<const ScriptCall>(std::move(call)));
}

} // namespace mr::redis
