#include "worker/random.h"

#include "shared/ids.h"
#include "worker/encoding.h"

#include <openssl/rand.h>

#include <stdexcept>

namespace mr {
namespace {

void fill(void* into, size_t count) {
    if (RAND_bytes(static_cast<unsigned char*>(into), static_cast<int>(count)) != 1) {
        throw std::runtime_error("the system's random source failed");
    }
}

} // namespace

uint32_t random_u32() {
    uint32_t value = 0;
    fill(&value, sizeof(value));
    return value;
}

uint64_t random_u64() {
    uint64_t value = 0;
    fill(&value, sizeof(value));
    return value;
}

std::string random_uuid() {
    uint8_t bytes[16];
    fill(bytes, sizeof(bytes));
    char text[kSessionIdChars];
    format_session_id(bytes, text);
    return {text, sizeof(text)};
}

std::string random_hex(size_t bytes) {
    std::string random(bytes, '\0');
    auto* first = reinterpret_cast<uint8_t*>(random.data());
    fill(first, bytes);
    return hex_of({first, bytes});
}

} // namespace mr
