#include "worker/redis/rate_script.h"

namespace mr::redis {

// A value that lies hours ahead is of a clock that has been set back meanwhile: it counts for
// nothing.
const Script kRateScript = {"rate", R"(#!lua
local op, apart, ahead, time = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local due, held = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+):(%d+)$')
due, held = tonumber(due or 0), tonumber(held or 0)
if due > now + 7200000000 or held > now + 7200000000 then due, held = 0, 0 end
local wait = 0
if op == 'hold' then
    held = math.max(held, now + time)
    due = math.max(due, held + ahead)
elseif op == 'take' or held > now then
    due = math.max(due, now)
    wait = math.max(due - ahead - now, 0)
    if wait > time then return -wait end
    due = due + apart
else
    return 0
end
local life = math.ceil((math.max(due, held) - now) / 1000) + 1
redis.call('SET', KEYS[1], string.format('%.0f:%.0f', due, held), 'PX', string.format('%.0f', life))
return wait
)",
                            1, 4};

} // namespace mr::redis
