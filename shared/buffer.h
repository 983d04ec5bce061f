// A growable byte buffer on malloc, for code that has neither exceptions nor the C++ runtime.
// Owns its memory; never shrinks except through `release()`; a failed allocation is reported by
// `append` returning false and leaves the contents as they were.
#pragma once

#include "shared/bytes.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace mr {

class Buffer {
  public:
    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    Buffer(Buffer&& other) noexcept
        : data_(other.data_), size_(other.size_), capacity_(other.capacity_) {
        other.data_ = nullptr;
        other.size_ = other.capacity_ = 0;
    }
    ~Buffer() { std::free(data_); }

    uint8_t* data() { return data_; }
    const uint8_t* data() const { return data_; }
    size_t size() const { return size_; }
    size_t capacity() const { return capacity_; }
    bool empty() const { return size_ == 0; }
    ByteView view() const { return {data_, size_}; }
    std::string_view text() const { return as_text(view()); }

    // Makes room for `more` bytes behind the contents. False: out of memory.
    bool reserve(size_t more) {
        if (capacity_ - size_ >= more) {
            return true;
        }
        size_t wanted = capacity_ < 256 ? 256 : capacity_ * 2;
        while (wanted - size_ < more) {
            wanted *= 2;
        }
        return grow_to(wanted);
    }

    // Makes the block `capacity` bytes long, which is more than it is. False: out of memory.
    bool grow_to(size_t capacity) {
        void* grown = std::realloc(data_, capacity);
        if (grown == nullptr) {
            return false;
        }
        data_ = static_cast<uint8_t*>(grown);
        capacity_ = capacity;
        return true;
    }

    // Lengthens the contents by `count` uninitialised bytes; nullptr: out of memory.
    uint8_t* extend(size_t count) {
        if (!reserve(count)) {
            return nullptr;
        }
        uint8_t* at = data_ + size_;
        size_ += count;
        return at;
    }

    bool append(const void* bytes, size_t count) {
        if (count == 0) {
            return true;
        }
        uint8_t* at = extend(count);
        if (at == nullptr) {
            return false;
        }
        std::memcpy(at, bytes, count);
        return true;
    }
    bool append(ByteView bytes) { return append(bytes.data(), bytes.size()); }
    bool append(std::string_view text) { return append(text.data(), text.size()); }

    // Drops `count` bytes from the front (moves the rest).
    void consume(size_t count) {
        size_ -= count;
        if (size_ != 0) {
            std::memmove(data_, data_ + count, size_);
        }
    }
    void truncate(size_t size) { size_ = size; }
    void clear() { size_ = 0; }

    // Gives the memory back to the allocator.
    void release() {
        std::free(data_);
        data_ = nullptr;
        size_ = capacity_ = 0;
    }

  private:
    uint8_t* data_ = nullptr;
    size_t size_ = 0;
    size_t capacity_ = 0;
};

} // namespace mr
