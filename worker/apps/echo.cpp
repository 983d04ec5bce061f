#include "worker/apps/echo.h"

#include <algorithm>

namespace mr {
namespace {

// Echoes are not resumed: only a client that reads slowly still needs them. Test suites send
// gigabytes within minutes, all of which would wait in Redis.
constexpr std::chrono::milliseconds kEchoLogKept{30'000};

class EchoApp final : public App {
  public:
    explicit EchoApp(OwnedSession& session) : session_(session) {}

    void mail(MailItem item) override {
        if (item.kind == MailKind::text || item.kind == MailKind::binary) {
            const int binary = item.kind == MailKind::binary ? kEventBinary : 0;
            session_.lane->add(static_cast<uint8_t>(binary | kEventTerminal),
                               as_bytes(item.payload));
        }
        session_.consume(item);
    }

    bool idle() const override { return true; }

    std::chrono::milliseconds log_kept(const SessionLimits& limits) const override {
        return std::min(kEchoLogKept, limits.resume_window);
    }

    boost::asio::awaitable<void> stop() override { co_return; }

  private:
    OwnedSession& session_;
};

} // namespace

AppFactory echo_app() {
    return [](OwnedSession& session) { return std::make_unique<EchoApp>(session); };
}

} // namespace mr
