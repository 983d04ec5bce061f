// The text_chunk events of a turn, made again from its text: what the out lane keeps of them, for a
// Redis that may lose them, is their place in it. Holds on to the text when the turn has ended.
#pragma once

#include "worker/session/kept_batches.h"

#include <memory>
#include <string>

namespace mr {

class ToldText final : public EventMaker {
  public:
    // The text may grow.
    ToldText(std::string turn_id, uint32_t tag, std::shared_ptr<const std::string> text)
        : turn_id_(std::move(turn_id)), tag_(tag), text_(std::move(text)) {}

    MadeEvent make(const EventPlace& place, EventId id) const override;

  private:
    std::string turn_id_;
    uint32_t tag_;
    std::shared_ptr<const std::string> text_;
};

} // namespace mr
