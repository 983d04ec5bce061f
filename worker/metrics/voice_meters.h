// What the worker counts of voice: microphones, what they hear, and answers that are spoken. Part
// of Meters (meters.h), in a file of its own for its length. Event loop only, as all of them.
#pragma once

#include "worker/metrics/registry.h"

#include <string_view>

namespace mr::metrics {

// Values of the label `of` of places: who has one.
inline constexpr std::string_view kMicrophones = "microphones"; // at the recogniser
inline constexpr std::string_view kAnswers = "answers";         // with the synthesiser
inline constexpr std::string_view kRequests = "requests";       // to ElevenLabs

struct VoiceMeters {
    explicit VoiceMeters(Registry& registry);

    GaugeFamily places;
    GaugeFamily places_taken;
    CounterFamily microphones;
    CounterFamily utterances;
    GaugeFamily heard_seconds;       // these three only grow
    GaugeFamily recognition_seconds; // of processor time
    GaugeFamily spoken_seconds;
    HistogramFamily wait;
    HistogramFamily final_transcript;
    HistogramFamily first_sound;
    HistogramFamily to_voice;
    CounterFamily interruptions;
    CounterFamily dropped;
};

// One place that is taken, from here to the end of the scope. `of` is one of the names above.
class TakenPlace {
  public:
    explicit TakenPlace(std::string_view of);
    TakenPlace(const TakenPlace&) = delete;
    TakenPlace& operator=(const TakenPlace&) = delete;
    ~TakenPlace();

  private:
    std::string_view of_;
};

} // namespace mr::metrics
