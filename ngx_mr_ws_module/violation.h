// What becomes of a connection whose client broke the protocol: it is closed at once, or, where
// `mr_ws_violation_grace` allows it, as soon as the answers owed to what came before are out.
// Nothing of what the client sends from then on is looked at.
#pragma once

#include "ngx_mr_ws_module/connection.h"

namespace mr {

// `text` is static and names the broken rule. A second violation changes nothing.
void violation_found(Connection& connection, CloseCode code, const char* text) noexcept;

// Closes the connection if a violation waits and nothing is owed any more, or its time is over.
void violation_check(Connection& connection) noexcept;

} // namespace mr
