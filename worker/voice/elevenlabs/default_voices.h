// The voices that ElevenLabs gives every account, by name. They count where an account's own list
// has no such name, or where the key may not read that list. ElevenLabs takes them away on
// 2026-12-31 (Rachel has gone before): a name of the account's own is what lasts.
#pragma once

#include <string_view>

namespace mr::voice::elevenlabs {

// The id; empty: there is none of that name. Without regard to case.
std::string_view default_voice(std::string_view name);

} // namespace mr::voice::elevenlabs
