// Names of every Redis key and channel (docs: Redis schema). All names of a session and the job
// stream, lease set and dead-letter stream of its partition carry the same hash tag, so every
// script is single-slot and a Redis Cluster is only a matter of connections. Owns the partition
// table; never talks to Redis.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mr {

inline constexpr char kKeyPrefix[] = "mr:";
inline constexpr char kConfigKey[] = "mr:config"; // hash: `partitions`, `schema`
inline constexpr char kConfigPartitions[] = "partitions";
inline constexpr char kConfigSchema[] = "schema";
inline constexpr uint32_t kSchemaVersion = 1;
inline constexpr char kJobGroup[] = "g"; // consumer group of every job stream
inline constexpr uint32_t kDefaultPartitions = 16;
inline constexpr uint32_t kMaxPartitions = 256;
inline constexpr size_t kMaxKeyChars = 80;

// A key or channel name in a fixed buffer; no allocation, trivially copyable.
struct KeyText {
    char chars[kMaxKeyChars];
    uint8_t length = 0;

    std::string_view view() const { return {chars, length}; }
    operator std::string_view() const { return view(); }
};

// CRC16/XMODEM modulo 16384 of the hash tag or the whole key (Redis Cluster specification, "Key
// distribution model").
uint16_t cluster_slot(std::string_view key);

// Hash tags `{pNN}` or `{pNN-k}`: the suffix is chosen so that partition i of n falls into the i-th
// n-th of the 16384 slots, which spreads partitions evenly over any number of cluster nodes.
class PartitionMap {
  public:
    // `count` 1..kMaxPartitions; anything else is clamped.
    explicit PartitionMap(uint32_t count = kDefaultPartitions);

    uint32_t count() const { return count_; }
    uint32_t partition_of(std::string_view session_id) const; // FNV-1a, 64 bit
    std::string_view tag(uint32_t partition) const;           // with braces

  private:
    struct Tag {
        char chars[15];
        uint8_t length;
    };
    uint32_t count_;
    Tag tags_[kMaxPartitions];
};

// Per partition.
KeyText jobs_key(std::string_view tag);  // stream of doorbells, group kJobGroup
KeyText lease_key(std::string_view tag); // sorted set: worker incarnation → lease deadline, ms
KeyText dead_key(std::string_view tag);  // stream of doorbells given up

// Per session.
struct SessionKeys {
    SessionKeys(const PartitionMap& map, std::string_view session_id);

    uint32_t partition;
    KeyText meta;        // hash: epoch, owner, attempt, checkpoint …
    KeyText in_lane;     // stream of mail
    KeyText in_channel;  // shard channel: live copy of the in lane
    KeyText out_lane;    // stream of batches
    KeyText out_channel; // shard channel: live copy of the out lane
    KeyText snapshot;    // string: newest text_snapshot and the id it stands for
    KeyText history;     // list of the conversation
    KeyText jobs;
    KeyText leases;
    KeyText dead;
};

// The out channel alone: what nginx subscribes to for an idle session.
KeyText out_channel_key(std::string_view tag, std::string_view session_id);

// Where a process hears its own probes: `nonce` is of this process alone. Under the tag of a
// partition, so that it shares the connections of that partition's slot.
KeyText probe_channel(std::string_view tag, std::string_view nonce);

// The queue of an account that providers limit; `account` is a hash of its key. Of no partition: it
// falls into a slot of its own.
KeyText rate_key(std::string_view provider, std::string_view account);

// The session id inside a per-session key or channel name (what follows the last ':'); empty when
// the name is not one of ours.
std::string_view session_of_key(std::string_view key);

} // namespace mr
