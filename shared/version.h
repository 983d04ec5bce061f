// The product's version, in one place.
#pragma once

namespace mr {

inline constexpr char kVersion[] = "0.1.0";

} // namespace mr
