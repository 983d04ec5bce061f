#include "shared/scripts.h"

namespace mr {

const Script kMailScript = {"mail", R"(#!lua
local meta, lane, leases, jobs, channel = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local sid, app, mail, trace = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local max_entries, max_bytes, max_jobs, ttl =
    tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local connection, number, stored = ARGV[9], tonumber(ARGV[10] or 0), tonumber(ARGV[11] or 0)
local subject, epoch = ARGV[12] or '', ARGV[13]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local state = redis.call('HMGET', meta, 'own', 'bell', 'ibytes', 'mails', 'sub', 'iseq', 'ep')
if epoch and tonumber(state[7] or 0) > tonumber(epoch) then return {-4, 0} end
if #mail > 0 and subject ~= (state[5] or '') and (state[5] or state[6]) then return {-3, 0} end
local senders, known = {}, false
for name, last, place in string.gmatch(state[4] or '', '(%S+):(%d+):(%d+)') do
    if name ~= connection then
        senders[#senders + 1] = name .. ':' .. last .. ':' .. place
    elseif number == 0 then
        known = tonumber(place) >= stored
    elseif tonumber(last) >= number then
        mail = ''
    end
end
local owned = false
if state[1] then
    local lease = redis.call('ZSCORE', leases, state[1])
    owned = lease and tonumber(lease) > now
end
local n, fill = 0, 0
if #mail > 0 then
    local bytes = tonumber(state[3] or 0)
    local entries = redis.call('XLEN', lane)
    if entries >= max_entries or (bytes > 0 and bytes + #mail > max_bytes) then
        return {0, 0}
    end
    if not owned then
        if redis.call('ZCOUNT', leases, now - 10000, '+inf') == 0 then return {-2, 0} end
        if redis.call('XLEN', jobs) >= max_jobs then return {-1, 0} end
    end
    n = redis.call('HINCRBY', meta, 'iseq', 1)
    if n == 1 then
        local top = redis.call('XREVRANGE', lane, '+', '-', 'COUNT', 1)
        if top[1] then
            n = tonumber(string.match(top[1][1], '%-(%d+)$')) + 1
            redis.call('HSET', meta, 'iseq', n)
        end
    end
    if not state[5] and subject ~= '' then redis.call('HSET', meta, 'sub', subject) end
    redis.call('XADD', lane, string.format('0-%d', n), 'd', mail)
    bytes = redis.call('HINCRBY', meta, 'ibytes', #mail)
    fill = math.floor(100 * math.max((entries + 1) / max_entries, bytes / max_bytes))
    if number > 0 then
        table.insert(senders, 1, string.format('%s:%d:%d', connection, number, n))
        senders[5] = nil
        redis.call('HSET', meta, 'mails', table.concat(senders, ' '))
    end
    redis.call('PEXPIRE', lane, ttl)
    redis.call('PEXPIRE', meta, ttl)
    redis.call('SPUBLISH', channel, struct.pack('<I8', n) .. mail)
elseif owned then
    return {3, 1}
elseif redis.call('EXISTS', lane) == 0 and redis.call('HEXISTS', meta, 'ckpt') == 0 then
    return {3, (known or stored > 0 and #senders == 4) and 2 or 0}
end
if owned then return {1, n, fill} end
local rung = state[2] and now - tonumber(state[2]) < 2000
if not rung and (n > 0 or redis.call('XLEN', jobs) < max_jobs) then
    redis.call('XADD', jobs, '*', 'sid', sid, 'app', app, 'traceparent', trace, 't', now)
    redis.call('HSET', meta, 'bell', now)
end
return {2, n, fill}
)",
                            5, 12};

const Script kClaimScript = {"claim", R"(#!lua
local meta, lane, log, leases, jobs, channel, dead =
    KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local sid, worker, entry, max_attempts, log_ttl, ttl =
    ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function alive(name)
    local lease = redis.call('ZSCORE', leases, name)
    return lease and tonumber(lease) > now
end
if not alive(worker) then return {-2} end
if #redis.call('XRANGE', jobs, entry, entry) == 0 then return {1} end
local state = redis.call('HMGET', meta, 'own', 'job', 'ep', 'top', 'ckpt', 'eps', 'sub')
local owner, job = state[1], state[2]
if owner and (owner == worker or alive(owner)) then
    if job == entry then
        if owner ~= worker then
            redis.call('XCLAIM', jobs, 'g', owner, 0, entry, 'JUSTID')
        end
    else
        redis.call('XACK', jobs, 'g', entry)
        redis.call('XDEL', jobs, entry)
    end
    return {0}
end
local checkpoint = state[5]
if not checkpoint and redis.call('XLEN', lane) == 0 then
    redis.call('XACK', jobs, 'g', entry)
    redis.call('XDEL', jobs, entry)
    redis.call('HDEL', meta, 'own', 'job', 'att', 'bell', 'ibytes')
    redis.call('DEL', lane)
    return {1}
end
if job and job ~= entry then
    redis.call('XACK', jobs, 'g', job)
    redis.call('XDEL', jobs, job)
end
local epoch = math.max(tonumber(state[3] or 0) + 1, now)
local attempt = redis.call('HINCRBY', meta, 'att', 1)
local status = 2
if attempt > max_attempts then
    status = 3
    redis.call('XADD', dead, 'MAXLEN', '~', 10000, '*', 'sid', sid, 'entry', entry,
        'worker', worker, 'attempts', attempt - 1, 'reason', 'attempts', 't', now)
end
local top = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)
local prev = top[1] and top[1][1] or state[4] or '0-0'
local pe, ps = string.match(prev, '^(%d+)%-(%d+)$')
pe, ps = tonumber(pe), tonumber(ps)
if pe >= epoch then epoch = pe + 1 end
local record = struct.pack('<BBI2I8I8I8I8I4', 1, 2, 1, epoch, 0, pe, ps, attempt)
redis.call('XADD', log, string.format('%.0f-0', epoch), 'd', record)
redis.call('SPUBLISH', channel, record)
local epochs = {}
for e in string.gmatch(state[6] or '', '%d+') do epochs[#epochs + 1] = e end
epochs[#epochs + 1] = string.format('%.0f', epoch)
while #epochs > 8 and not checkpoint do table.remove(epochs, 1) end
redis.call('XTRIM', log, 'MINID', epochs[1] .. '-0')
redis.call('HSET', meta, 'ep', string.format('%.0f', epoch), 'own', worker, 'job', entry,
    'eps', table.concat(epochs, ' '))
redis.call('HDEL', meta, 'bell', 'saves')
redis.call('PEXPIRE', log, log_ttl)
redis.call('PEXPIRE', meta, ttl)
redis.call('PEXPIRE', lane, ttl)
return {status, string.format('%.0f', epoch), attempt, prev, checkpoint or '', state[7] or ''}
)",
                             7, 6};

namespace {

// One text, twice: what removes mail or a checkpoint frees memory and must be possible without any.
constexpr char kSaveText[] = R"(local meta, lane, history = KEYS[1], KEYS[2], KEYS[3]
local epoch, worker, op = ARGV[1], ARGV[2], ARGV[3]
local number, checkpoint, ids = tonumber(ARGV[4]), ARGV[5], ARGV[6]
local keep, ttl, mails = ARGV[7], ARGV[8], tonumber(ARGV[9])
local state = redis.call('HMGET', meta, 'ep', 'own', 'saves')
if state[1] ~= epoch or state[2] ~= worker then return 0 end
local fields = {}
local function set(name, value) fields[#fields + 1] = name; fields[#fields + 1] = value end
if number > 0 then
    if tonumber(state[3] or 0) >= number then return 1 end
    set('saves', number)
end
if op == 'set' then
    set('ckpt', checkpoint)
elseif op == 'clear' then
    redis.call('HDEL', meta, 'ckpt')
    set('att', 1)
elseif op == 'rewrite' then
    redis.call('DEL', history)
end
if ids ~= '' then set('mids', ids) end
if #fields > 0 then redis.call('HSET', meta, unpack(fields)) end
local entries = 9 + 2 * mails
for i = 10, entries, 2 do
    if redis.call('XDEL', lane, ARGV[i]) == 1 then
        redis.call('HINCRBY', meta, 'ibytes', -tonumber(ARGV[i + 1]))
    end
end
if #ARGV > entries then
    for i = entries + 1, #ARGV do redis.call('RPUSH', history, ARGV[i]) end
    redis.call('LTRIM', history, '-' .. keep, -1)
    redis.call('PEXPIRE', history, ttl)
end
return 1
)";

template <size_t kFirst, size_t kSecond> struct Joined {
    char chars[kFirst + kSecond - 1];
    constexpr std::string_view view() const { return {chars, sizeof(chars) - 1}; }
};

template <size_t kFirst, size_t kSecond>
constexpr Joined<kFirst, kSecond> join(const char (&first)[kFirst], const char (&second)[kSecond]) {
    Joined<kFirst, kSecond> joined{};
    for (size_t i = 0; i < kFirst - 1; ++i) {
        joined.chars[i] = first[i];
    }
    for (size_t i = 0; i < kSecond; ++i) {
        joined.chars[kFirst - 1 + i] = second[i];
    }
    return joined;
}

constexpr auto kSaveStrict = join("#!lua\n", kSaveText);
constexpr auto kSaveAlways = join("#!lua flags=allow-oom\n", kSaveText);

} // namespace

const Script kSaveScript = {"save", kSaveStrict.view(), 3, 9};
const Script kConsumeScript = {"consume", kSaveAlways.view(), 3, 9};

const Script kFinishScript = {"finish", R"(#!lua flags=allow-oom
local meta, lane, log, jobs = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, worker, entry, log_ttl, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local state = redis.call('HMGET', meta, 'ep', 'own', 'ckpt')
if state[1] ~= epoch or state[2] ~= worker then return -1 end
if state[3] or redis.call('XLEN', lane) > 0 then return 0 end
local top = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)
if top[1] then redis.call('HSET', meta, 'top', top[1][1]) end
redis.call('HDEL', meta, 'own', 'job', 'att', 'bell', 'ibytes')
redis.call('DEL', lane)
redis.call('XACK', jobs, 'g', entry)
redis.call('XDEL', jobs, entry)
redis.call('PEXPIRE', log, log_ttl)
redis.call('PEXPIRE', meta, ttl)
return 1
)",
                              4, 5};

const Script kReleaseScript = {"release", R"(#!lua flags=allow-oom
local meta, lane, leases, jobs = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, worker, entry, sid, app = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local blame, ttl, checkpoint = ARGV[6], ARGV[7], ARGV[8]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local state = redis.call('HMGET', meta, 'ep', 'own', 'att', 'ckpt')
local seen, owner = tonumber(state[1] or 0), state[2]
if seen > epoch or (seen == epoch and owner ~= worker) then return 0 end
local status = 1
if seen < epoch then
    local lease = owner and redis.call('ZSCORE', leases, owner)
    if lease and tonumber(lease) > now and owner ~= worker then return 0 end
    if not state[4] and checkpoint == '' and redis.call('XLEN', lane) == 0 then return 0 end
    if not state[4] and checkpoint ~= '' then redis.call('HSET', meta, 'ckpt', checkpoint) end
    status = 2
    redis.call('HDEL', meta, 'own')
else
    redis.call('HDEL', meta, 'own', 'job')
    if blame ~= '1' then
        redis.call('HSET', meta, 'att', math.max(tonumber(state[3] or 1) - 1, 0))
    end
end
redis.call('HSET', meta, 'bell', now)
redis.call('PEXPIRE', meta, ttl)
redis.call('XACK', jobs, 'g', entry)
redis.call('XDEL', jobs, entry)
redis.call('XADD', jobs, '*', 'sid', sid, 'app', app, 'traceparent', '', 't', now)
return status
)",
                               4, 8};

const Script kLeaseScript = {"lease", R"(#!lua flags=allow-oom
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[3] ~= '1' then
    local lease = redis.call('ZSCORE', KEYS[1], ARGV[1])
    if not lease or tonumber(lease) <= now then return 0 end
end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return 1
)",
                             1, 3};

const Script kReapScript = {"reap", R"(#!lua
local jobs, leases = KEYS[1], KEYS[2]
local worker, limit = ARGV[1], tonumber(ARGV[2])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function alive(name)
    local lease = redis.call('ZSCORE', leases, name)
    return lease and tonumber(lease) > now
end
if not alive(worker) then return {} end
local claimed = {}
local busy = {}
local summary = redis.call('XPENDING', jobs, 'g')
for _, consumer in ipairs(summary[4] or {}) do
    local name = consumer[1]
    busy[name] = true
    if #claimed < limit and not alive(name) then
        local pending = redis.call('XPENDING', jobs, 'g', '-', '+', limit - #claimed, name)
        local ids = {}
        for _, entry in ipairs(pending) do ids[#ids + 1] = entry[1] end
        if #ids > 0 then
            for _, entry in ipairs(redis.call('XCLAIM', jobs, 'g', worker, 0, unpack(ids))) do
                claimed[#claimed + 1] = entry
            end
        end
    end
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now - 60000, 'LIMIT', 0, 16)) do
    if not busy[name] then
        redis.call('XGROUP', 'DELCONSUMER', jobs, 'g', name)
        redis.call('ZREM', leases, name)
    end
end
return claimed
)",
                            2, 2};

} // namespace mr
