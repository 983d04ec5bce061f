// Several frames of one client as one mail (MailKind::batch): what a voice connection sends is many
// small frames, and each mail costs a script in Redis.
//   frame  u8 opcode (1 text, 2 binary: RFC 6455 section 5.2) · u32 length · bytes
// A batch holds one frame or more, in the order they came, and has no header.
//
// Writing appends to a Buffer (false: out of memory). Reading never copies: views point into the
// input; malformed input ends the walk and is never trusted further.
#pragma once

#include "shared/buffer.h"
#include "shared/bytes.h"

#include <cstdint>
#include <optional>

namespace mr {

inline constexpr size_t kBatchedFrameHeaderBytes = 5;
// A batch is given away before it passes either; one longer frame travels alone.
inline constexpr size_t kMaxMailBatchFrames = 64;
inline constexpr size_t kMaxMailBatchBytes = 64 * 1024;

struct BatchedFrame {
    bool text = false; // otherwise binary
    ByteView bytes;
};

inline size_t batched_bytes(const BatchedFrame& frame) {
    return kBatchedFrameHeaderBytes + frame.bytes.size();
}
bool add_to_mail_batch(Buffer& out, const BatchedFrame& frame);

class MailBatchReader {
  public:
    explicit MailBatchReader(ByteView bytes) : rest_(bytes) {}

    // nullopt: the end, or malformed bytes.
    std::optional<BatchedFrame> next();
    bool ok() const { return ok_; }

  private:
    ByteView rest_;
    size_t left_ = kMaxMailBatchFrames;
    bool ok_ = true;
};

} // namespace mr
