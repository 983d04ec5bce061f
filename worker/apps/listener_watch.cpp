#include "worker/apps/listener_watch.h"

namespace mr {

void ListenerWatch::start(std::chrono::milliseconds every) {
    round_ = std::make_shared<Round>();
    round_->every = every;
    wait();
}

void ListenerWatch::stop() {
    round_ = nullptr;
    timer_.cancel();
}

void ListenerWatch::wait() {
    timer_.expires_after(round_->every);
    timer_.async_wait(
        [this, round = std::weak_ptr<Round>(round_)](boost::system::error_code error) {
            if (!error && !round.expired()) {
                look();
            }
        });
}

void ListenerWatch::look() {
    const KeyText& channel = session_.store.keys().out_channel;
    const std::string_view command[] = {"PUBSUB", "SHARDNUMSUB", channel.view()};
    session_.relay.commands->send(
        command, [this, round = std::weak_ptr<Round>(round_)](const redis::Answer& answer) {
            if (round.expired()) {
                return; // and perhaps this object is no more
            }
            const bool known = answer.ok() && answer.reply->size() == 2;
            if (!known || (*answer.reply)[1].integer() > 0) {
                round_->alone = 0;
            } else if (++round_->alone >= kLooksAlone) {
                stop();
                alone_();
                return;
            }
            wait();
        });
}

} // namespace mr
