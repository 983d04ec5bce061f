// Random bytes that nobody can guess, for ids and secrets. False: there are none, and what the
// caller wanted them for cannot be had. RAND_bytes(3).
#pragma once

#include "shared/openssl_errors.h"

#include <openssl/rand.h>

#include <cstdint>

namespace mr {

template <int Size> [[nodiscard]] bool random_bytes(uint8_t (&to)[Size]) noexcept {
    const OpensslErrorsGone tidy;
    return RAND_bytes(to, Size) == 1;
}

} // namespace mr
