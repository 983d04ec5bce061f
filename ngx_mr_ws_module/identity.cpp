#include "ngx_mr_ws_module/identity.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace mr {

Identity* identity_create(std::string_view subject, uint64_t expires_at_s) noexcept {
    void* memory = std::malloc(sizeof(Identity) + subject.size());
    if (memory == nullptr) {
        return nullptr;
    }
    auto* identity = new (memory) Identity;
    identity->expires_at_s = expires_at_s;
    identity->length = static_cast<uint16_t>(subject.size());
    std::memcpy(identity + 1, subject.data(), subject.size());
    return identity;
}

void identity_destroy(Identity* identity) noexcept {
    std::free(identity);
}

} // namespace mr
