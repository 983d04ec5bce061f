// What the processes of the relay ask of Redis, command by command: for a check at the start that
// names what a user's ACL lacks, instead of a relay that works until it needs the missing command.
// One table; docs/operations.md has the same as ACL rules, and a test runs with exactly those.
#pragma once

#include <span>
#include <string_view>

namespace mr {

// EVAL with no keys and one of the lists below as arguments. → the names of what the user may not
// run, an empty array if nothing is missing. Asks for each whole command, key and channel included
// (`redis.acl_check_cmd`, since Redis 7.0); runs none.
extern const std::string_view kPermissionScript;

inline constexpr size_t kMaxPermissions = 48;

std::span<const std::string_view> gateway_permissions(); // of the module
std::span<const std::string_view> worker_permissions();

} // namespace mr
