// Where the load goes: wss://host:port/path, resolved once.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace mr::bench {

struct Target {
    std::string url; // as given
    bool tls = false;
    std::string host;   // for the certificate
    std::string header; // Host: with the port where it is not the usual
    std::string path;
    sockaddr_storage address{};
    socklen_t address_size = 0;
    bool loopback = false; // then clients may come from 127.0.0.1, .2, ...: ports enough for all
};

// ws, wss, http or https. Throws std::runtime_error that says what is wrong with it.
Target read_target(const std::string& url);

} // namespace mr::bench
