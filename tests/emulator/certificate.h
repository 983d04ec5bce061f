// Keys and certificates of one run, made with OpenSSL at the start: an authority of its own, a
// server certificate for the loopback and for all real hosts.
#pragma once

#include <string>
#include <vector>

namespace mr::emulator {

struct Identity {
    std::string authority;        // PEM, to trust
    std::string certificate, key; // PEM, of the server
};

// Valid for a week. Throws std::runtime_error.
Identity make_identity(const std::vector<std::string>& hosts);

} // namespace mr::emulator
