// Random numbers from the kernel: ids, jitter. Owns nothing.
#pragma once

#include <cstdint>
#include <string>

namespace mr {

uint32_t random_u32();
uint64_t random_u64();
std::string random_uuid();            // version 4, 36 characters
std::string random_hex(size_t bytes); // lower case, two characters a byte

} // namespace mr
