// Audio that answers an HTTP request, on its way through the out lane in pieces: the bytes of a
// live-only event. Behind the last one the request gets its one answer (one_answer.h): with the
// status 200 its body is the length of all pieces, so that a lost one is noticed; any other status
// is a failure.
//   u64 connection · u64 offset · bytes
// How far the worker may be ahead of the client is bounded: the gateway tells how much it has given
// away (MailKind::credit, whose payload is that number).
#pragma once

#include "shared/buffer.h"
#include "shared/bytes.h"

#include <cstdint>
#include <optional>

namespace mr {

inline constexpr size_t kAudioPieceHeaderBytes = 16;
inline constexpr size_t kMaxAudioPieceBytes = 16 * 1024;
// Sent and not given away: at 48 kbit/s some 10 s.
inline constexpr size_t kAudioWindowBytes = 64 * 1024;
inline constexpr size_t kAudioCreditBytes = 16 * 1024; // told that often

struct AudioPiece {
    uint64_t connection = 0; // of the mail that asked for it
    uint64_t offset = 0;     // of the first byte
    ByteView bytes;
};

// False: out of memory.
inline bool encode_audio_piece(Buffer& out, const AudioPiece& piece) {
    uint8_t* at = out.extend(kAudioPieceHeaderBytes);
    if (at == nullptr) {
        return false;
    }
    store_le(at, piece.connection);
    store_le(at + 8, piece.offset);
    return out.append(piece.bytes);
}

// The view points into the input. nullopt: malformed.
inline std::optional<AudioPiece> decode_audio_piece(ByteView bytes) {
    if (bytes.size() <= kAudioPieceHeaderBytes) {
        return std::nullopt;
    }
    AudioPiece piece;
    piece.connection = load_le<uint64_t>(bytes.data());
    piece.offset = load_le<uint64_t>(bytes.data() + 8);
    piece.bytes = bytes.subspan(kAudioPieceHeaderBytes);
    return piece;
}

// A number of bytes: the payload of a credit, the body of the one answer.
inline bool encode_audio_length(Buffer& out, uint64_t bytes) {
    uint8_t* at = out.extend(sizeof(bytes));
    if (at != nullptr) {
        store_le(at, bytes);
    }
    return at != nullptr;
}
inline std::optional<uint64_t> decode_audio_length(ByteView bytes) {
    return bytes.size() == sizeof(uint64_t) ? std::optional(load_le<uint64_t>(bytes.data()))
                                            : std::nullopt;
}

} // namespace mr
