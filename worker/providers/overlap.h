// A language model that is to continue a text sometimes says part of it again. OverlapCut stands
// between the model and the user: it holds back what may still be such a repetition, and drops what
// turns out to be one. Pure; text in, text out; bounded by the delivered text.
//
// What counts as one: the model's text begins with the end of what was delivered (or with all of
// it), over at least kMinOverlapBytes. White space where the two meet is not part of the
// comparison. A model that starts over and then takes other words gets a new paragraph, at the
// sentence where it departs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mr {

inline constexpr std::size_t kMinOverlapBytes = 12;   // shorter ones may be meant
inline constexpr std::size_t kMinRestartBytes = 4;    // of a delivered text said again as a whole
inline constexpr std::size_t kMinDepartureBytes = 40; // said again before other words came
inline constexpr std::size_t kOverlapWindowBytes = 4096; // of the delivered text's end

class OverlapCut {
  public:
    // `delivered` outlives this object.
    explicit OverlapCut(std::string_view delivered);

    // A piece of the model's text, whole code points; what of it (and of earlier pieces) may go
    // out.
    std::string feed(std::string_view piece);
    // At the end of the model's text: what is still held back and is no repetition.
    std::string finish();

  private:
    void match(std::size_t at);
    std::string decide();
    std::string pass(std::string text);

    std::string_view delivered_; // without the white space at its end
    bool blank_behind_ = false;  // there was some
    bool through_ = false;       // decided: everything passes
    bool strip_ = false;         // white space that comes next stands already
    std::string lead_;           // white space the model began with
    std::string held_;
    std::vector<std::size_t> candidates_; // where in delivered_ all of held_ fits so far
    std::size_t complete_ = 0;            // longest overlap found, in bytes of held_
    std::size_t restart_ = 0;             // how far held_ equals the beginning of delivered_
};

} // namespace mr
