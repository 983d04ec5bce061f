// How Deepgram's live recognition (/v1/listen) is asked, and the bounds of one stream of it.
#pragma once

#include "worker/voice/recogniser.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace mr::voice::deepgram {

inline constexpr int64_t kReplayMs = 5'000;   // sent, not yet recognised for good, kept for a
                                              // connection that takes the place of a broken one
inline constexpr int64_t kMinFrameMs = 20;    // of one message; the last before a release may be
inline constexpr int64_t kMaxFrameMs = 250;   // shorter
inline constexpr int64_t kBurstMs = 1'000;    // of audio that is late may be sent at once
inline constexpr size_t kMaxVocabulary = 100; // terms, Deepgram's own limit of keywords
inline constexpr size_t kMaxTermBytes = 100;
inline constexpr size_t kMaxMessageBytes = 256 * 1024; // of Deepgram's
inline constexpr size_t kMaxWaitingEvents = 64;        // above it Deepgram has to wait
inline constexpr size_t kMaxPendingReleases = 4;       // later ones prolong the last

struct Options {
    std::string base_url = "https://api.deepgram.com/v1"; // http, https, ws or wss
    std::string api_key;
    std::string key_scheme = "Token"; // "Bearer" for short-lived tokens
    // nova-3 rather than the older nova-2: it takes names of projects as keyterm, which are what
    // recognisers get wrong here.
    std::string model = "nova-3";
    std::string language;                           // empty: what the stream's options say
    std::chrono::milliseconds endpointing{300};     // silence that ends speech; 0: off
    std::chrono::milliseconds utterance_end{1'000}; // gap between words that does; at least 1000
    bool smart_format = true;
    bool punctuate = true;
    bool numerals = false;
    bool profanity_filter = false;
    bool mip_opt_out = false;            // of the use of audio for training
    std::string tag;                     // in Deepgram's reports of usage
    std::vector<std::string> vocabulary; // names that are likely to be said
    unsigned keyword_boost = 2;          // of nova-2 and older
    std::string ca_file;                 // empty: the system's authorities
    std::string proxy;                   // http://[user:password@]host[:port]; empty: none
    std::string connect_to;              // host:port instead of the URL's
    unsigned max_streams = 100;          // at once; accounts have 50 to 150
    unsigned reconnects = 5;             // without a result in between; then the stream ends
    double catch_up = 1.25;              // times real time, for audio that has waited

    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds first_delay{250}; // between tries, doubled each time
    std::chrono::milliseconds max_delay{2'000};
    std::chrono::milliseconds keep_alive{4'000};    // Deepgram closes after 10 s without a message
    std::chrono::milliseconds finalize_wait{1'500}; // for the answer to a release
    std::chrono::milliseconds result_timeout{10'000}; // audio was sent and nothing is said to it
    std::chrono::milliseconds ping{3'000};            // nothing has come: ask; dead at the third
};

// The URL of one stream: ws or wss. `with_vocabulary` false: without the terms, for accounts and
// models that refuse them.
std::string listen_url(const Options& options, const RecognitionOptions& stream,
                       bool with_vocabulary);

} // namespace mr::voice::deepgram
