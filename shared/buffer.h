// A growable byte buffer on malloc, for code that has neither exceptions nor the C++ runtime.
// Owns its memory; never shrinks except through `release()`; a failed allocation is reported by
// `append` returning false and leaves the contents as they were. An empty one is a null pointer and
// no more: sizes stand in front of the bytes.
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
    Buffer(Buffer&& other) noexcept : block_(other.block_) { other.block_ = nullptr; }
    ~Buffer() { std::free(block_); }

    uint8_t* data() { return block_ != nullptr ? bytes_of(block_) : nullptr; }
    const uint8_t* data() const { return block_ != nullptr ? bytes_of(block_) : nullptr; }
    size_t size() const { return block_ != nullptr ? block_->size : 0; }
    size_t capacity() const { return block_ != nullptr ? block_->capacity : 0; }
    bool empty() const { return size() == 0; }
    ByteView view() const { return {data(), size()}; }
    std::string_view text() const { return as_text(view()); }

    // Makes room for `more` bytes behind the contents. False: out of memory.
    bool reserve(size_t more) {
        const size_t have = capacity();
        if (have - size() >= more) {
            return true;
        }
        size_t wanted = have < kFirstBytes ? kFirstBytes : have * 2;
        while (wanted - size() < more) {
            wanted *= 2;
        }
        return grow_to(wanted);
    }

    // Makes room for `capacity` bytes in all, which is more than there is. False: out of memory.
    bool grow_to(size_t capacity) {
        const bool first = block_ == nullptr;
        auto* grown = static_cast<Block*>(std::realloc(block_, sizeof(Block) + capacity));
        if (grown == nullptr) {
            return false;
        }
        if (first) {
            grown->size = 0;
        }
        grown->capacity = capacity;
        block_ = grown;
        return true;
    }

    // Lengthens the contents by `count` uninitialised bytes; nullptr: out of memory.
    uint8_t* extend(size_t count) {
        if (!reserve(count)) {
            return nullptr;
        }
        if (block_ == nullptr) {
            return nullptr; // nothing behind nothing
        }
        uint8_t* at = bytes_of(block_) + block_->size;
        block_->size += count;
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
        if (count == 0) {
            return;
        }
        block_->size -= count;
        if (block_->size != 0) {
            std::memmove(bytes_of(block_), bytes_of(block_) + count, block_->size);
        }
    }
    void truncate(size_t size) {
        if (block_ != nullptr) {
            block_->size = size;
        }
    }
    void clear() { truncate(0); }

    // Gives the memory back to the allocator.
    void release() {
        std::free(block_);
        block_ = nullptr;
    }

  private:
    // In front of the bytes.
    struct Block {
        size_t size;
        size_t capacity;
    };
    static constexpr size_t kFirstBytes = 256 - sizeof(Block);

    static uint8_t* bytes_of(Block* block) { return reinterpret_cast<uint8_t*>(block + 1); }
    static const uint8_t* bytes_of(const Block* block) {
        return reinterpret_cast<const uint8_t*>(block + 1);
    }

    Block* block_ = nullptr;
};
static_assert(sizeof(Buffer) == sizeof(void*), "three of them lie in every idle connection");

} // namespace mr
