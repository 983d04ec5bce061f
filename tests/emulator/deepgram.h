// Deepgram, for who makes the providers.
#pragma once

#include "tests/emulator/provider.h"

namespace mr::emulator {

std::unique_ptr<Provider> make_deepgram();

} // namespace mr::emulator
