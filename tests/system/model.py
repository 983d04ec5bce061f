"""Questions to a stack whose answers a harness.provider.Provider writes, and its view of them."""

from harness.process import wait_for
from harness.provider import Reply

QUESTION = "How much have we invoiced on the Harbor Point project, and what is still open?"
ENDLESS = Reply(tokens=5000, rate=40)


def asked(provider, number=1):
    """The provider's view of the answer, once it has been asked for it."""
    wait_for(lambda: len(provider.exchanges) >= number, "the provider is asked", 30)
    return provider.exchanges[number - 1]


def closed(exchange):
    wait_for(lambda: exchange.closed is not None or exchange.whole, "the provider's socket closes")
    assert exchange.closed is not None and not exchange.whole
    return exchange.closed
