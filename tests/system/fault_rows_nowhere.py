"""Rows of the table of faults: nobody is there. Providers of data and the servers of their tokens
at a port that refuses connections, where no TLS is spoken, and where somebody else has the place."""

import socket

import fault_rows_bigquery
import fault_rows_powerbi
import fault_rows_vertex_search
from fault_rows_rest import LOG, failed
from provider_faults import Block

# Bound and not listened on: nobody else gets it, and connections to it are refused.
CLOSED = socket.socket()
CLOSED.bind(("127.0.0.1", 0))


def closed_port(_):
    return f"http://127.0.0.1:{CLOSED.getsockname()[1]}"


def at_closed_port(name, emulator):
    return {f"{name}_base_url": closed_port(emulator)}


def without_tls(name, emulator):
    return {f"{name}_base_url": f"https://127.0.0.1:{emulator.plain_port}"}


def at_a_stranger(name, emulator):
    """Whoever answers there has the certificate of another host."""
    return {f"{name}_base_url": "https://other.example",
            f"{name}_connect_to": f"localhost:{emulator.port}"}


def set_at(place, name, settings):
    """These settings, and the provider of that name not where they say."""
    return lambda emulator: settings(emulator) | place(name, emulator)


def google_nowhere(emulator):
    return {**fault_rows_vertex_search.settings(emulator),
            "google_token_url": closed_port(emulator)}


def entra_nowhere(emulator):
    return {**fault_rows_powerbi.settings(emulator), "entra_authority": closed_port(emulator)}


def block_at(who, name, place, tries, part):
    """`part`: the module that has the provider's other rows."""
    [known] = [block for block in part.blocks() if block.name == who]
    row = failed(name, {}, "unavailable", part.WORDS.away, requests=0,
                 faults=["unavailable"] * tries)
    return Block(f"{who} at {name}", known.provider, [row], known.question, LOG,
                 set_at(place, known.tool, known.settings), known.tool, others=known.others,
                 operations=())


def token_block(who, provider, question, settings, tool, **more):
    row = failed("a closed port", {}, "unavailable", f"{who} gives no access at the moment",
                 requests=0, faults=["unavailable"] * 3)
    return Block(f"{who} nowhere", provider, [row], question, f"no access token from {who}",
                 settings, tool, operations=(), **more)


def blocks():
    port = ("a closed port", at_closed_port, 2)
    stranger = ("a certificate of a stranger", at_a_stranger, 1)
    return [block_at("documents", *port, fault_rows_vertex_search),
            block_at("query", *port, fault_rows_bigquery),
            block_at("chart", *port, fault_rows_powerbi),
            block_at("documents", "no TLS", without_tls, 1, fault_rows_vertex_search),
            block_at("documents", *stranger, fault_rows_vertex_search),
            block_at("query", *stranger, fault_rows_bigquery),
            block_at("chart", *stranger, fault_rows_powerbi),
            token_block("Google", "search", fault_rows_vertex_search.QUESTION, google_nowhere,
                        "vertex_search"),
            token_block("Entra ID", "powerbi", fault_rows_powerbi.QUESTION, entra_nowhere,
                        "powerbi", others=fault_rows_powerbi.writers)]
