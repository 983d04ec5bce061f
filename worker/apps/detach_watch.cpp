#include "worker/apps/detach_watch.h"

#include "worker/log.h"

#include <utility>

namespace mr {

void DetachWatch::detached(MailItem item) {
    mail_.push_back(std::move(item));
    round_ = std::make_shared<Round>();
    wait(session_.relay.limits.resume_window);
}

void DetachWatch::settle() {
    stop();
    for (const MailItem& item : mail_) {
        session_.consume(item);
    }
    mail_.clear();
}

void DetachWatch::stop() {
    round_ = nullptr;
    timer_.cancel();
}

void DetachWatch::wait(std::chrono::milliseconds time) {
    timer_.expires_after(time);
    timer_.async_wait(
        [this, round = std::weak_ptr<Round>(round_)](boost::system::error_code error) {
            if (!error && !round.expired()) {
                ask();
            }
        });
}

void DetachWatch::ask() {
    const KeyText& channel = session_.store.keys().out_channel;
    const std::string_view command[] = {"PUBSUB", "SHARDNUMSUB", channel.view()};
    session_.relay.commands->send(command, [this, round = std::weak_ptr<Round>(round_)](
                                               const redis::Answer& answer) {
        if (round.expired()) {
            return; // and perhaps this object is no more
        }
        const bool known = answer.ok() && answer.reply->size() == 2;
        if (!known && answer.reply != nullptr && !std::exchange(round_->told, true)) {
            log::warn("redis does not say who follows",
                      {{"session", session_.store.session_id()}, {"cause", answer.reply->text()}});
        }
        answered(known ? std::optional<int64_t>((*answer.reply)[1].integer()) : std::nullopt);
    });
}

void DetachWatch::answered(std::optional<int64_t> followers) {
    if (!followers) {
        wait(kFollowersRetry);
    } else if (*followers > 0 || round_->followed) {
        // Those who were there and have gone without a word get the same time.
        round_->followed = *followers > 0;
        round_->twice = false;
        wait(session_.relay.limits.resume_window);
    } else if (!round_->twice) {
        round_->twice = true;
        wait(kDetachOnTheWay);
    } else {
        round_ = nullptr;
        expired_();
    }
}

} // namespace mr
