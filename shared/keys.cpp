#include "shared/keys.h"

#include "shared/bytes.h"
#include "shared/hash.h"
#include "shared/ids.h"

#include <algorithm>
#include <cstring>

namespace mr {
namespace {

constexpr uint32_t kClusterSlots = 16384;

void append(KeyText& key, std::string_view text) {
    const size_t room = kMaxKeyChars - key.length;
    const size_t count = std::min(room, text.size());
    if (count != 0) { // an empty view may have no address at all
        std::memcpy(key.chars + key.length, text.data(), count);
    }
    key.length = static_cast<uint8_t>(key.length + count);
}

KeyText make_key(std::string_view tag, std::string_view kind, std::string_view session_id = {}) {
    KeyText key;
    append(key, kKeyPrefix);
    append(key, tag);
    append(key, kind);
    append(key, session_id);
    return key;
}

uint16_t crc16(std::string_view text) {
    uint16_t crc = 0;
    for (char c : text) {
        crc = static_cast<uint16_t>(crc ^ (static_cast<uint16_t>(static_cast<uint8_t>(c)) << 8));
        for (int bit = 0; bit < 8; ++bit) {
            const bool carry = (crc & 0x8000) != 0;
            crc = static_cast<uint16_t>(crc << 1);
            if (carry) {
                crc = static_cast<uint16_t>(crc ^ 0x1021);
            }
        }
    }
    return crc;
}

} // namespace

uint16_t cluster_slot(std::string_view key) {
    const size_t open = key.find('{');
    if (open != std::string_view::npos) {
        const size_t close = key.find('}', open + 1);
        if (close != std::string_view::npos && close > open + 1) {
            key = slice(key, open + 1, close - open - 1);
        }
    }
    return static_cast<uint16_t>(crc16(key) % kClusterSlots);
}

PartitionMap::PartitionMap(uint32_t count) : count_(std::clamp(count, 1U, kMaxPartitions)) {
    for (uint32_t i = 0; i < count_; ++i) {
        const uint32_t low = i * kClusterSlots / count_;
        const uint32_t high = (i + 1) * kClusterSlots / count_;
        for (uint32_t suffix = 0;; ++suffix) {
            Tag& tag = tags_[i];
            size_t length = 0;
            tag.chars[length++] = '{';
            tag.chars[length++] = 'p';
            if (i < 10) {
                tag.chars[length++] = '0';
            }
            length += format_decimal(i, tag.chars + length);
            if (suffix != 0) {
                tag.chars[length++] = '-';
                length += format_decimal(suffix, tag.chars + length);
            }
            tag.chars[length++] = '}';
            tag.length = static_cast<uint8_t>(length);
            const uint16_t slot = cluster_slot({tag.chars, length});
            if (slot >= low && slot < high) {
                break;
            }
        }
    }
}

uint32_t PartitionMap::partition_of(std::string_view session_id) const {
    return static_cast<uint32_t>(fnv1a_folded(session_id) % count_);
}

std::string_view PartitionMap::tag(uint32_t partition) const {
    const Tag& tag = tags_[partition];
    return {tag.chars, tag.length};
}

KeyText jobs_key(std::string_view tag) {
    return make_key(tag, ":jobs");
}
KeyText lease_key(std::string_view tag) {
    return make_key(tag, ":w");
}
KeyText dead_key(std::string_view tag) {
    return make_key(tag, ":dead");
}

KeyText rate_key(std::string_view provider, std::string_view account) {
    KeyText key = make_key("rate:", provider);
    append(key, ":");
    append(key, account);
    return key;
}

KeyText probe_channel(std::string_view tag, std::string_view nonce) {
    return make_key(tag, ":probe:", nonce);
}

KeyText out_channel_key(std::string_view tag, std::string_view session_id) {
    return make_key(tag, ":oc:", session_id);
}

SessionKeys::SessionKeys(const PartitionMap& map, std::string_view session_id)
    : partition(map.partition_of(session_id)) {
    const std::string_view tag = map.tag(partition);
    meta = make_key(tag, ":s:", session_id);
    in_lane = make_key(tag, ":i:", session_id);
    in_channel = make_key(tag, ":ic:", session_id);
    out_lane = make_key(tag, ":o:", session_id);
    out_channel = out_channel_key(tag, session_id);
    snapshot = make_key(tag, ":snap:", session_id);
    history = make_key(tag, ":h:", session_id);
    jobs = jobs_key(tag);
    leases = lease_key(tag);
    dead = dead_key(tag);
}

std::string_view session_of_key(std::string_view key) {
    if (!key.starts_with(kKeyPrefix)) {
        return {};
    }
    const std::string_view session_id = slice(key, key.rfind(':') + 1);
    return session_id_valid(session_id) ? session_id : std::string_view{};
}

} // namespace mr
