"""The `hl7` package's own asyncio MLLP server: it parses each message and answers, and that is all.

It prints its port as a line of JSON when it listens.
"""

from __future__ import annotations

import asyncio
import json
import sys

from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server


async def _converse(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
    try:
        while not writer.is_closing():
            message = await reader.readmessage()
            writer.writemessage(message.create_ack())
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _serve() -> None:
    server = await start_hl7_server(_converse, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(_serve()))
