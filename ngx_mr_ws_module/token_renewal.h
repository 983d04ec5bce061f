// Access tokens of open connections: the end of one closes the connection with 1008, a client
// message brings the next one. That message is the only one the module reads, since it must not get
// to Redis: `{"type":"auth","token":"…"}` (docs/protocol.md).
#pragma once

#include "ngx_mr_ws_module/connection.h"
#include "shared/bytes.h"

namespace mr {

// The JSON around the token, in bytes.
inline constexpr size_t kMaxAuthFrameBytes = 512;
// So many tokens that were not accepted close the connection with 1008.
inline constexpr uint8_t kMaxRefusedTokens = 8;

// True: the text was a new token and is dealt with. The connection may be closing now.
bool token_take(Connection& connection, ByteView text) noexcept;

// Closes the connection if its token has expired. Called about once a second.
void token_check(Connection& connection) noexcept;

} // namespace mr
