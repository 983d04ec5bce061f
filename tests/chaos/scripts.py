"""The scripts that viewers ask the app `bench` to play, and the answers they must lead to, computed
here independently of the worker (worker/providers/scripted/script.h says how)."""

MASK = (1 << 64) - 1


def split_mix(seed, index):
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def chunk_text(seed, index, size):
    digits = f"{split_mix(seed, index):016x}"
    body = size - 3  # the two bytes of é, and a blank
    text = f"{index}:"
    text += digits * ((body - len(text)) // 16 + 1)
    return text[:body] + "é "


class Script:
    """`chunks` of `size` bytes at `rate` per second behind `tools` tools."""

    def __init__(self, seed, *, phase_ms=0, tools=1, tool_ms=0, chunks=50, size=80, rate=20):
        self.seed, self.tools, self.chunks, self.size, self.rate = seed, tools, chunks, size, rate
        self.words = (f"seed={seed} phase_ms={phase_ms} tools={tools} tool_ms={tool_ms} "
                      f"chunks={chunks} bytes={size} rate={rate}")
        self.lasts_s = (3 * phase_ms + tool_ms) / 1000 + (chunks / rate if rate else 0)

    def text(self):
        return "".join(chunk_text(self.seed, i, self.size) for i in range(self.chunks))

    @classmethod
    def any(cls, rng):
        """Mostly answers of some seconds; short ones and long ones among them."""
        chunks, rate = rng.choice([(3, 30), (12, 12), (30, 12), (60, 15), (90, 15), (150, 25)])
        return cls(rng.getrandbits(48), phase_ms=rng.choice([0, 5, 60]), tools=rng.randint(0, 4),
                   tool_ms=rng.choice([0, 20, 150, 400]), chunks=chunks,
                   size=rng.choice([20, 80, 300]), rate=rate)
