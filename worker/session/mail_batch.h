// Mail that several frames came in (shared/mail_batch.h), as its app sees it: items of their own,
// each dealt with when its time has come. The mail leaves the in lane with the last of them: a
// question that waits keeps it there, and the next owner is given all of it again.
#pragma once

#include "worker/session/mailbox.h"
#include "worker/session/store.h"

#include <memory>
#include <string_view>
#include <vector>

namespace mr {

class MailBatch {
  public:
    explicit MailBatch(size_t frames) : settled_(frames, false), left_(frames) {}

    // Frames are numbered from 0. True: with this one all are dealt with; not said again.
    bool settle(size_t frame);

  private:
    std::vector<bool> settled_;
    size_t left_;
};

// The items of a batch, like `mail` in all but payload and kind. Empty: malformed.
std::vector<MailItem> open_mail_batch(const MailItem& mail, std::string_view bytes);

// The item is dealt with: adds its mail, unless other items of the same mail are not.
void settle_mail(const MailItem& item, Consumed& consumed);

} // namespace mr
