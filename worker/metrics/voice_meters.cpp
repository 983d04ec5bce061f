#include "worker/metrics/voice_meters.h"

#include "worker/metrics/meters.h"

namespace mr::metrics {
namespace {

// Upper bounds in seconds: people notice tenths, and leave after a few seconds.
constexpr double kSpeechBounds[] = {0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10};
constexpr double kWaitBounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15};

Label of_places() {
    return {"of", {kMicrophones, kAnswers, kRequests}};
}

} // namespace

VoiceMeters::VoiceMeters(Registry& registry)
    : places(registry, {"mr_worker_voice_places",
                        "Microphones at the recogniser, answers with the synthesiser and requests "
                        "to ElevenLabs that there may be at a time; 0: without a limit, or none",
                        {of_places()}}),
      places_taken(registry,
                   {"mr_worker_voice_places_taken", "How many of them there are", {of_places()}}),
      microphones(registry,
                  {"mr_worker_voice_microphones_total",
                   "Microphones that clients wanted to open, by what came of it",
                   {{"outcome", {"opened", "no_place", "no_engine", "unavailable", "refused"}}}}),
      utterances(registry,
                 {"mr_worker_voice_utterances_total",
                  "What was said: with words, without any, lost with the recogniser, left by its "
                  "speaker",
                  {{"outcome", {"words", "empty", "lost", "left"}}}}),
      heard_seconds(registry,
                    {"mr_worker_voice_heard_seconds_total", "Sound given to the recogniser", {}},
                    Kind::counter),
      recognition_seconds(registry,
                          {"mr_worker_voice_recognition_seconds_total",
                           "Processor time of the embedded recogniser, by what for",
                           {{"step", {"detector", "partial", "guess", "final"}}}},
                          Kind::counter),
      spoken_seconds(registry,
                     {"mr_worker_voice_spoken_seconds_total",
                      "Sound that the synthesiser has made and somebody has taken",
                      {}},
                     Kind::counter),
      wait(registry,
           {"mr_worker_voice_wait_seconds",
            "What utterances waited for a thread of the embedded recogniser, and what is spoken "
            "for a request to ElevenLabs",
            {{"queue", {"recognition", "requests"}}}},
           kWaitBounds),
      final_transcript(registry,
                       {"mr_worker_voice_final_seconds",
                        "From the arrival of the sound of the last word to the final transcript",
                        {}},
                       kSpeechBounds),
      first_sound(registry,
                  {"mr_worker_voice_first_sound_seconds",
                   "From the first clause of an answer to the first sound from the synthesiser",
                   {}},
                  kSpeechBounds),
      to_voice(registry,
               {"mr_worker_voice_to_voice_seconds",
                "From the arrival of the sound of the last word to the first sound of the answer",
                {}},
               kSpeechBounds),
      interruptions(registry, {"mr_worker_voice_interruptions_total",
                               "Answers that were cut short, by words or by the client's message",
                               {{"by", {"words", "client"}}}}),
      dropped(registry, {"mr_worker_voice_dropped_total",
                         "Frames of microphones that came faster than they are recognised (heard), "
                         "pieces of answers that Redis did not take (spoken)",
                         {{"sound", {"heard", "spoken"}}}}) {}

TakenPlace::TakenPlace(std::string_view of) : of_(of) {
    meters().voice.places_taken.at({of_}).add(1);
}

TakenPlace::~TakenPlace() {
    meters().voice.places_taken.at({of_}).add(-1);
}

} // namespace mr::metrics
