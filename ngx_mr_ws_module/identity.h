// Whose a connection is: the subject of its access token, or the one that nginx has established
// (docs/security.md). Owns the name and when it ends to hold; never checks a token itself. A
// connection without one is anonymous: nobody but the holder of its resume token comes back to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mr {

// On malloc, in one piece with the name behind it.
struct Identity {
    uint64_t expires_at_s = 0; // Unix time; 0: never
    uint16_t length = 0;

    std::string_view subject() const noexcept {
        return {reinterpret_cast<const char*>(this + 1), length};
    }
    bool expired(uint64_t now_s) const noexcept {
        return expires_at_s != 0 && now_s >= expires_at_s;
    }
};

// Null: out of memory. `subject` is valid (jwt.h).
Identity* identity_create(std::string_view subject, uint64_t expires_at_s) noexcept;
void identity_destroy(Identity* identity) noexcept; // null is fine

} // namespace mr
