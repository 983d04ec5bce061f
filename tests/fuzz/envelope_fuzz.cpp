// Any bytes as a batch, as mail, as a batch of mail, as audio and as a snapshot: what can be read
// can be written again, byte for byte, and nothing is read beyond the end.
#include "shared/audio_piece.h"
#include "shared/envelope.h"
#include "shared/mail_batch.h"
#include "tests/fuzz/fuzz_support.h"

namespace {

using namespace mr;
using fuzz::require;

void check_same(const Buffer& out, ByteView bytes, const char* what) {
    require(out.text() == as_text(bytes), what);
}

void check_batch(ByteView bytes) {
    auto reader = BatchReader::open(bytes);
    if (!reader) {
        return;
    }
    const BatchHeader& header = reader->header();
    require(header.last().epoch == header.epoch, "a batch is of one epoch");
    Buffer out;
    if (header.kind == BatchKind::takeover) {
        require(!reader->next() && reader->ok(), "a takeover has no events");
        require(encode_takeover(out, header.epoch, header.prev, header.attempt), "memory");
        check_same(out, bytes, "a takeover is written as it was read");
        return;
    }
    BatchWriter writer(out);
    require(writer.begin(header.epoch, header.first_seq), "memory");
    size_t payload = 0;
    while (const auto event = reader->next()) {
        require(event->v1_length <= event->bytes.size() && event->turn <= kMaxTurnTag, "bounds");
        payload += event->bytes.size();
        require(writer.add(event->flags, event->bytes, event->v1_length, event->turn), "memory");
    }
    require(payload <= bytes.size(), "no more payload than bytes");
    require(!reader->next(), "the end stays the end");
    if (reader->ok()) {
        require(writer.count() == header.count, "all of its events");
        check_same(out, bytes, "a batch is written as it was read");
    }
}

void check_mail(ByteView bytes) {
    const auto mail = decode_mail(bytes);
    if (mail) {
        Buffer out;
        require(encode_mail(out, *mail), "memory");
        check_same(out, bytes, "mail is written as it was read");
    }
}

void check_mail_batch(ByteView bytes) {
    MailBatchReader reader(bytes);
    Buffer out;
    size_t frames = 0;
    while (const auto frame = reader.next()) {
        ++frames;
        require(add_to_mail_batch(out, *frame), "memory");
    }
    require(frames <= kMaxMailBatchFrames && out.size() <= bytes.size(), "bounds");
    require(!reader.next(), "the end stays the end");
    if (reader.ok()) {
        check_same(out, bytes, "a batch of mail is written as it was read");
    }
}

void check_audio(ByteView bytes) {
    const auto piece = decode_audio_piece(bytes);
    if (piece) {
        Buffer out;
        require(encode_audio_piece(out, *piece), "memory");
        check_same(out, bytes, "a piece of audio is written as it was read");
    }
}

void check_snapshot(ByteView bytes) {
    const auto snapshot = decode_snapshot(bytes);
    const auto header = decode_snapshot_header(bytes);
    require(!snapshot || header, "a snapshot has a header");
    if (snapshot) {
        require(header->since == snapshot->since && header->id == snapshot->id &&
                    header->flags == snapshot->flags,
                "the header is that of the whole");
        Buffer out;
        require(encode_snapshot(out, *snapshot), "memory");
        check_same(out, bytes, "a snapshot is written as it was read");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const ByteView bytes(data, size);
    check_batch(bytes);
    check_mail(bytes);
    check_mail_batch(bytes);
    check_audio(bytes);
    check_snapshot(bytes);
    return 0;
}
