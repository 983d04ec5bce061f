// The parts of connection.h that its own files share: input (connection_input.cpp), output and
// close handshake (connection_output.cpp), life (connection.cpp). For nobody else.
#pragma once

#include "ngx_mr_ws_module/connection.h"

namespace mr {

// Puts the connection on the list that is flushed, and settled, when the current event is done.
void connection_cork(Connection& connection) noexcept;

// One cause of reading_paused(), for the metrics as well. On the way out the message that is
// arriving gets its whole time again, and the client's silence begins anew: the pause was ours.
void connection_set_paused(Connection& connection, PauseCause cause, bool paused) noexcept;

// The output queue is longer or shorter than it was.
void connection_count_output(Connection& connection) noexcept;

// Marks it to be freed. `code` and `by` are what the log will say, unless a close handshake has
// said it before.
void connection_finish(Connection& connection, CloseCode code, ClosedBy by) noexcept;

// Queues our Close frame, the last frame there is.
void connection_begin_close(Connection& connection, CloseCode code, std::string_view reason,
                            ClosedBy by) noexcept;

// Hands over what the kernel takes now, and moves on in the close handshake.
void connection_flush(Connection& connection) noexcept;

// Reads what there is, in bounds, and decodes it.
void connection_read(Connection& connection) noexcept;

// Decodes until the input is used up, reading is paused (the rest is kept) or the close begins
// (the rest is dropped). Works in place.
void connection_decode(Connection& connection, std::span<uint8_t> input) noexcept;

} // namespace mr
