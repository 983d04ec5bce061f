#include "worker/apps/echo.h"

namespace mr {
namespace {

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

    boost::asio::awaitable<void> stop() override { co_return; }

  private:
    OwnedSession& session_;
};

} // namespace

AppFactory echo_app() {
    return [](OwnedSession& session) { return std::make_unique<EchoApp>(session); };
}

} // namespace mr
