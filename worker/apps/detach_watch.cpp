#include "worker/apps/detach_watch.h"

namespace mr {

void DetachWatch::detached(MailItem item) {
    mail_.push_back(std::move(item));
    timer_.expires_after(session_.relay.limits.resume_window);
    timer_.async_wait([this](boost::system::error_code error) {
        // Without mail, an attach came while this handler was on its way.
        if (!error && !mail_.empty()) {
            expired_();
        }
    });
}

void DetachWatch::settle() {
    timer_.cancel();
    for (const MailItem& item : mail_) {
        session_.consume(item);
    }
    mail_.clear();
}

} // namespace mr
