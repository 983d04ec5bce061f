#include "worker/session/live_queue.h"

#include <new>
#include <utility>

namespace mr {

LiveQueue::LiveQueue(std::shared_ptr<Flusher> flusher, const KeyText& channel)
    : flusher_(std::move(flusher)), channel_(channel),
      unanswered_bytes_(std::make_shared<size_t>(0)) {}

bool LiveQueue::add(EventId before, uint8_t flags, ByteView bytes, uint32_t turn) {
    const size_t size = kEventHeaderBytes + bytes.size();
    if (waiting_bytes_ + *unanswered_bytes_ + size > kMaxLiveBytes) {
        return false;
    }
    const bool open = !waiting_.empty() && waiting_.back().before == before &&
                      waiting_.back().writer.count() < kMaxBatchEvents &&
                      waiting_.back().bytes.size() + size <= kMaxBatchBytes;
    if (!open) {
        waiting_.emplace_back(before);
        if (!waiting_.back().writer.begin(before.epoch, before.seq)) {
            waiting_.pop_back();
            throw std::bad_alloc();
        }
        waiting_bytes_ += kBatchHeaderBytes;
    }
    if (!waiting_.back().writer.add(static_cast<uint8_t>(flags | kEventLiveOnly), bytes, 0, turn)) {
        if (!open) {
            waiting_.pop_back();
            waiting_bytes_ -= kBatchHeaderBytes;
        }
        throw std::bad_alloc();
    }
    waiting_bytes_ += size;
    return true;
}

void LiveQueue::publish_to(uint64_t seq) {
    while (!waiting_.empty() && waiting_.front().before.seq <= seq) {
        const Batch& batch = waiting_.front();
        const size_t size = batch.bytes.size();
        const std::string_view command[] = {"SPUBLISH", channel_.view(), batch.bytes.text()};
        *unanswered_bytes_ += size;
        flusher_->commands().send(
            command, [unanswered = unanswered_bytes_, size](const redis::Answer&) {
                *unanswered -= size; // taken, or lost: nobody asks for it again
            });
        waiting_bytes_ -= size;
        waiting_.pop_front();
    }
}

void LiveQueue::clear() {
    waiting_.clear();
    waiting_bytes_ = 0;
}

} // namespace mr
