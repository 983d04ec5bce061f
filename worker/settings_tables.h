// The parts of the table of settings, and the units it counts in. For the tables alone.
#pragma once

#include "worker/settings.h"

#include <cstdint>
#include <span>

namespace mr {

inline constexpr uint64_t kSecond = 1000;
inline constexpr uint64_t kMinute = 60 * kSecond;
inline constexpr uint64_t kHour = 60 * kMinute;
inline constexpr uint64_t kDay = 24 * kHour;

std::span<const SettingRow> data_setting_rows(); // of providers of data
std::span<const SettingRow> bigquery_setting_rows();
std::span<const SettingRow> voice_setting_rows();

} // namespace mr
