// Bytes that are appended at the back and spent at the front: a Buffer and the place up to which it
// is spent. Spent bytes are dropped once they are more than what is left, so the memory stays
// within twice the contents (and the Buffer's doubling) at constant cost per byte; a large block is
// given back when nothing is left in it.
#pragma once

#include "shared/buffer.h"

namespace mr {

class ByteQueue {
  public:
    static constexpr size_t kKeptBytes = 64 * 1024; // of an empty queue

    ByteView view() const { return {buffer_.data() + from_, size()}; }
    size_t size() const { return buffer_.size() - from_; }
    bool empty() const { return size() == 0; }
    size_t capacity() const { return buffer_.capacity(); }

    // Where encoders append. Nothing before its present end may be touched.
    Buffer& back() { return buffer_; }
    bool append(ByteView bytes) { return buffer_.append(bytes); } // false: out of memory
    bool reserve(size_t more) { return buffer_.reserve(more); }
    void drop_back(size_t count) { buffer_.truncate(buffer_.size() - count); }

    void spend(size_t count) {
        from_ += count;
        if (from_ == buffer_.size()) {
            clear();
        } else if (from_ > kKeptBytes && from_ > buffer_.size() / 2) {
            buffer_.consume(from_);
            from_ = 0;
        }
    }

    void clear() {
        from_ = 0;
        if (buffer_.capacity() > kKeptBytes) {
            buffer_.release();
        } else {
            buffer_.clear();
        }
    }

    void release() {
        from_ = 0;
        buffer_.release();
    }

  private:
    Buffer buffer_;
    size_t from_ = 0;
};

} // namespace mr
