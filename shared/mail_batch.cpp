#include "shared/mail_batch.h"

namespace mr {
namespace {

constexpr uint8_t kText = 1;
constexpr uint8_t kBinary = 2;

} // namespace

bool add_to_mail_batch(Buffer& out, const BatchedFrame& frame) {
    if (frame.bytes.size() > UINT32_MAX || !out.reserve(batched_bytes(frame))) {
        return false;
    }
    uint8_t* at = out.extend(kBatchedFrameHeaderBytes);
    at[0] = frame.text ? kText : kBinary;
    store_le<uint32_t>(at + 1, static_cast<uint32_t>(frame.bytes.size()));
    return out.append(frame.bytes);
}

std::optional<BatchedFrame> MailBatchReader::next() {
    if (rest_.empty() || !ok_) {
        return std::nullopt;
    }
    ok_ = left_ > 0 && rest_.size() >= kBatchedFrameHeaderBytes &&
          (rest_[0] == kText || rest_[0] == kBinary);
    const size_t length = ok_ ? load_le<uint32_t>(rest_.data() + 1) : 0;
    ok_ = ok_ && length <= rest_.size() - kBatchedFrameHeaderBytes;
    if (!ok_) {
        return std::nullopt;
    }
    --left_;
    BatchedFrame frame;
    frame.text = rest_[0] == kText;
    frame.bytes = rest_.subspan(kBatchedFrameHeaderBytes, length);
    rest_ = rest_.subspan(kBatchedFrameHeaderBytes + length);
    return frame;
}

} // namespace mr
