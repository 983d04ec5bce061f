#include "worker/session/mail_batch.h"

#include "shared/mail_batch.h"

namespace mr {

bool MailBatch::settle(size_t frame) {
    if (frame >= settled_.size() || settled_[frame]) {
        return false;
    }
    settled_[frame] = true;
    return --left_ == 0;
}

std::vector<MailItem> open_mail_batch(const MailItem& mail, std::string_view bytes) {
    std::vector<MailItem> items;
    MailBatchReader reader(as_bytes(bytes));
    while (const auto frame = reader.next()) {
        MailItem item = mail;
        item.kind = frame->text ? MailKind::text : MailKind::binary;
        item.frame = static_cast<uint32_t>(items.size());
        item.payload = as_text(frame->bytes);
        items.push_back(std::move(item));
    }
    if (!reader.ok()) {
        items.clear();
    }
    const auto batch = std::make_shared<MailBatch>(items.size());
    for (MailItem& item : items) {
        item.batch = batch;
    }
    return items;
}

void settle_mail(const MailItem& item, Consumed& consumed) {
    if (item.batch == nullptr || item.batch->settle(item.frame)) {
        consumed.push_back({item.number, item.bytes});
    }
}

} // namespace mr
