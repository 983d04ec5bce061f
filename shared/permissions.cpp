#include "shared/permissions.h"

namespace mr {
namespace {

constexpr std::string_view kGateway[] = {
    "evalsha x 0",          "script load x",      "time",
    "hsetnx mr:config x 1", "hget mr:config x",   "hmget mr:x x",
    "hset mr:x x 1",        "hexists mr:x x",     "hincrby mr:x x 1",
    "exists mr:x",          "pexpire mr:x 1",     "get mr:x",
    "getrange mr:x 0 1",    "xadd mr:x 0-1 d x",  "xlen mr:x",
    "xrange mr:x - +",      "xrevrange mr:x + -", "zscore mr:x x",
    "zcount mr:x 0 1",      "zrange mr:x 0 0",    "spublish mr:x x",
    "ssubscribe mr:x",      "sunsubscribe mr:x",
};

constexpr std::string_view kWorker[] = {
    "evalsha x 0",
    "script load x",
    "time",
    "hsetnx mr:config x 1",
    "hget mr:config x",
    "hmget mr:x x",
    "hset mr:x x 1",
    "hexists mr:x x",
    "hincrby mr:x x 1",
    "hdel mr:x x",
    "exists mr:x",
    "del mr:x",
    "pexpire mr:x 1",
    "get mr:x",
    "set mr:x x",
    "lrange mr:x 0 1",
    "rpush mr:x x",
    "ltrim mr:x 0 1",
    "xadd mr:x 0-1 d x",
    "xack mr:x g 0-1",
    "xdel mr:x 0-1",
    "xtrim mr:x minid 0",
    "xlen mr:x",
    "xrange mr:x - +",
    "xrevrange mr:x + -",
    "xreadgroup group g x streams mr:x 0",
    "xclaim mr:x g x 0 0-1",
    "xpending mr:x g",
    "xgroup create mr:x g 0",
    "xgroup delconsumer mr:x g x",
    "zadd mr:x 0 x",
    "zrem mr:x x",
    "zscore mr:x x",
    "zrangebyscore mr:x 0 1",
    "spublish mr:x x",
    "ssubscribe mr:x",
    "sunsubscribe mr:x",
    "pubsub shardnumsub mr:x",
};
static_assert(std::size(kGateway) <= kMaxPermissions && std::size(kWorker) <= kMaxPermissions);

} // namespace

const std::string_view kPermissionScript = R"(#!lua flags=no-writes,allow-oom,allow-stale
local missing = {}
for _, line in ipairs(ARGV) do
    local words = {}
    for word in string.gmatch(line, '%S+') do words[#words + 1] = word end
    if not redis.acl_check_cmd(unpack(words)) then
        local container = words[1] == 'script' or words[1] == 'xgroup' or words[1] == 'pubsub'
        missing[#missing + 1] = words[1] .. (container and '|' .. words[2] or '')
    end
end
return missing
)";

std::span<const std::string_view> gateway_permissions() {
    return kGateway;
}

std::span<const std::string_view> worker_permissions() {
    return kWorker;
}

} // namespace mr
