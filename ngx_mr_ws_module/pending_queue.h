// Commands that wait for their replies, in order: a ring that grows by doubling up to a bound.
// Owns its entries (plain data), never the things they name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace mr {

class Reply;

// Called once for every accepted command: with its reply, or with null when the link broke or the
// deadline passed (the command may then have been executed or not).
using ReplyHandler = void (*)(void* owner, uint64_t tag, const Reply* reply) noexcept;

struct ReplySink {
    ReplyHandler handler = nullptr; // null: nobody wants to know
    void* owner = nullptr;
    uint64_t tag = 0;
};

struct PendingCommand {
    ReplySink sink;
    uint64_t deadline_ms = 0;     // on nginx's clock
    uint64_t repeat_until_ms = 0; // sent again over the next link until then; 0: never
    uint32_t bytes = 0;           // encoded length
};

class PendingQueue {
  public:
    static constexpr uint32_t kMaxCommands = 65536;

    PendingQueue() = default;
    PendingQueue(const PendingQueue&) = delete;
    PendingQueue& operator=(const PendingQueue&) = delete;
    ~PendingQueue() { std::free(ring_); }

    bool empty() const { return count_ == 0; }
    uint32_t size() const { return count_; }
    const PendingCommand& front() const { return ring_[head_]; }

    // False: full, or out of memory.
    bool push(const PendingCommand& command) {
        if (count_ == capacity_ && !grow()) {
            return false;
        }
        ring_[(head_ + count_++) & (capacity_ - 1)] = command;
        return true;
    }

    PendingCommand pop() {
        const PendingCommand command = ring_[head_];
        head_ = (head_ + 1) & (capacity_ - 1);
        --count_;
        return command;
    }

    void swap(PendingQueue& other) {
        const auto exchange = [](auto& a, auto& b) {
            const auto kept = a;
            a = b;
            b = kept;
        };
        exchange(ring_, other.ring_);
        exchange(capacity_, other.capacity_);
        exchange(head_, other.head_);
        exchange(count_, other.count_);
    }

  private:
    bool grow() {
        const uint32_t wanted = capacity_ == 0 ? 64 : capacity_ * 2;
        if (wanted > kMaxCommands) {
            return false;
        }
        auto* ring = static_cast<PendingCommand*>(std::malloc(wanted * sizeof(PendingCommand)));
        if (ring == nullptr) {
            return false;
        }
        for (uint32_t i = 0; i < count_; ++i) {
            ring[i] = ring_[(head_ + i) & (capacity_ - 1)];
        }
        std::free(ring_);
        ring_ = ring;
        capacity_ = wanted;
        head_ = 0;
        return true;
    }

    PendingCommand* ring_ = nullptr;
    uint32_t capacity_ = 0; // a power of two
    uint32_t head_ = 0;
    uint32_t count_ = 0;
};

} // namespace mr
