// Sends an answer the way a behaviour says: paced, split, commented, cut, stalled or reset.
#pragma once

#include "tests/emulator/answer.h"
#include "tests/emulator/behaviour.h"
#include "tests/emulator/exchange.h"
#include "tests/emulator/record.h"

#include <boost/asio/awaitable.hpp>
#include <memory>

namespace mr::emulator {

// Ends when the answer is sent, or its client has gone. Everything it says of that is in `record`.
boost::asio::awaitable<void> play(std::shared_ptr<Exchange> exchange, Answer answer,
                                  Behaviour behaviour, std::shared_ptr<Record> record);

} // namespace mr::emulator
