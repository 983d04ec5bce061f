// provider-emulator: every provider the worker can use, on the loopback, for tests and benchmarks.
#include "tests/emulator/account.h"
#include "tests/emulator/certificate.h"
#include "tests/emulator/listener.h"
#include "tests/emulator/world.h"

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace {

using namespace mr::emulator;

struct Options {
    std::string ca_file, account_file, certificate, key, ready_file;
    std::uint16_t port = 0, plain_port = 0, control_port = 0;
    bool http1 = false;
};

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw std::runtime_error("cannot read " + path);
    }
    return {std::istreambuf_iterator<char>(file), {}};
}

// Whole or not at all: who waits for the file reads no half of it.
void write_file(const std::string& path, const std::string& text) {
    const std::string part = path + ".part";
    std::ofstream file(part, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (!file || std::rename(part.c_str(), path.c_str()) != 0) {
        throw std::runtime_error("cannot write " + path);
    }
}

Identity identity_of(const Options& options) {
    if (options.certificate.empty()) {
        return make_identity({"api.openai.com", "api.anthropic.com", "*.googleapis.com",
                              "*.rep.googleapis.com", "api.hubapi.com", "login.microsoftonline.com",
                              "api.powerbi.com", "api.deepgram.com", "api.elevenlabs.io"});
    }
    return {"", read_file(options.certificate), read_file(options.key)};
}

// A thousand streams are a thousand descriptors.
void raise_descriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int serve(const Options& options) {
    raise_descriptors();
    const Identity identity = identity_of(options);
    auto tls = server_context(identity.certificate, identity.key, !options.http1);
    boost::asio::io_context loop(1);
    const Account account;
    World world(loop.get_executor(), account);
    const Serve providers = [&world](const auto& exchange) { world.serve(exchange); };
    const Serve control = [&world](const auto& exchange) { world.control(exchange); };
    const Listener secure(loop.get_executor(), options.port, &tls, providers);
    const Listener plain(loop.get_executor(), options.plain_port, nullptr, providers);
    const Listener controls(loop.get_executor(), options.control_port, nullptr, control);
    if (!options.ca_file.empty()) {
        write_file(options.ca_file, identity.authority);
    }
    if (!options.account_file.empty()) {
        write_file(options.account_file,
                   account.key_file("https://localhost:" + std::to_string(secure.port()) +
                                    "/google/token"));
    }
    const nlohmann::json ports = {
        {"port", secure.port()}, {"plain_port", plain.port()}, {"control_port", controls.port()}};
    if (!options.ready_file.empty()) {
        write_file(options.ready_file, ports.dump() + "\n");
    }
    std::printf("ready %s\n", ports.dump().c_str());
    std::fflush(stdout);
    boost::asio::signal_set signals(loop, SIGINT, SIGTERM);
    signals.async_wait([&loop](boost::system::error_code, int) { loop.stop(); });
    loop.run();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Speaks the protocols of the worker's providers on the loopback, for tests and "
        "benchmarks: over TLS by HTTP/2 and HTTP/1.1, and plain. What they do is told, "
        "and what they were asked is read, on the control port (tests/emulator/README.md).");
    app.add_option("--port", options.port, "TLS port; 0 takes a free one");
    app.add_option("--plain-port", options.plain_port, "the same without TLS; 0 takes a free one");
    app.add_option("--control-port", options.control_port, "control port; 0 takes a free one");
    app.add_option("--ca-file", options.ca_file,
                   "written: the authority (PEM) that clients have to trust");
    app.add_option("--account-file", options.account_file,
                   "written: the key file of a Google service account that is known");
    auto* certificate = app.add_option("--certificate", options.certificate,
                                       "PEM chain to use instead of one of its own");
    app.add_option("--key", options.key, "its key, PEM")->needs(certificate);
    app.add_option("--ready-file", options.ready_file,
                   "written when all ports are open: one line of JSON with them");
    app.add_flag("--http1", options.http1, "offer no HTTP/2");
    CLI11_PARSE(app, argc, argv);
    try {
        return serve(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "provider-emulator: %s\n", error.what());
        return 1;
    }
}
