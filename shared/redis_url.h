// Addresses of a Redis, as both nginx module and worker take them:
//
//     redis://[user[:password]@]host[:port][/database][?options]      plain TCP, port 6379
//     rediss://…                                                      TLS, port 6379
//     unix:/path/to/socket[?options]                                  unix domain socket
//
// Options: `db=N`, `user=…`, `password=…`, `password_file=/path`; for rediss also `ca_file=/path`
// (default: the system's certificates), `server_name=…` (default: the host) and `verify=on|off`.
// Every part may be percent-encoded (RFC 3986 section 2.1). A lone `:password@` or `password@`
// form without user is accepted as Redis tools write it: `redis://:secret@host`.
//
// Parses and formats; never resolves names, never reads files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace mr {

inline constexpr uint16_t kDefaultRedisPort = 6379;
inline constexpr size_t kMaxRedisUrlChars = 2048;
inline constexpr size_t kMaxRedisHostChars = 255;
inline constexpr size_t kMaxRedisSocketPathChars = 107; // sockaddr_un, with its NUL
inline constexpr size_t kMaxRedisPasswordChars = 1024;
inline constexpr uint32_t kMaxRedisDatabase = 65535;
inline constexpr size_t kMaxRedisNameChars = kMaxRedisHostChars + 32;

// Text in place, NUL-terminated for the C interfaces it is handed to.
template <size_t kCapacity> struct FixedText {
    char chars[kCapacity + 1] = {};
    uint16_t length = 0;

    std::string_view view() const { return {chars, length}; }
    bool empty() const { return length == 0; }
    // False: too long; the contents stay as they were.
    bool assign(std::string_view text) {
        if (text.size() > kCapacity) {
            return false;
        }
        if (!text.empty()) {
            std::memcpy(chars, text.data(), text.size());
        }
        chars[text.size()] = 0;
        length = static_cast<uint16_t>(text.size());
        return true;
    }
};

enum class RedisTransport : uint8_t { tcp, tls, unix_socket };

struct RedisUrl {
    RedisTransport transport = RedisTransport::tcp;
    bool verify = true; // tls: check chain and name of the server's certificate
    uint16_t port = kDefaultRedisPort;
    uint32_t database = 0;
    FixedText<kMaxRedisHostChars> host; // without brackets for IPv6; the path for unix sockets
    FixedText<255> user;
    FixedText<kMaxRedisPasswordChars> password;
    FixedText<255> password_file;
    FixedText<255> ca_file;
    FixedText<kMaxRedisHostChars> server_name;

    std::string_view tls_name() const { return (server_name.empty() ? host : server_name).view(); }
};

// Parses `text` into `out`. Null on success, else a static sentence fragment that says what is
// wrong and never repeats a secret.
const char* parse_redis_url(std::string_view text, RedisUrl& out);

// Takes the contents of a password file: the first line, without the line end. Null on success,
// else what is wrong.
const char* set_redis_password(RedisUrl& url, std::string_view file_contents);

// `redis://host:6379/2`, `unix:/path`: for logs, without user, password and options. Returns the
// count of characters written.
size_t format_redis_name(const RedisUrl& url, char out[kMaxRedisNameChars]);

} // namespace mr
