"""`python -m zoho_sync.sandbox`: run the sandbox until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys

from aiohttp import web

from .app import build
from .settings import add_options, from_arguments


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m zoho_sync.sandbox", description="A local Zoho CRM and Zoho Billing."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=4010, help="port to listen on; 0 takes any that is free")
    parser.add_argument(
        "--state", metavar="FILE", help="keep everything in this file; without it, in memory only"
    )
    add_options(parser)
    return parser.parse_args(arguments)


async def run(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    runner = web.AppRunner(
        build(from_arguments(arguments), arguments.state), access_log=None, shutdown_timeout=2
    )
    await runner.setup()
    await web.TCPSite(runner, arguments.host, arguments.port).start()
    host, port = runner.addresses[0][:2]
    print(f"sandbox listening on http://{host}:{port}", flush=True)
    await stopped.wait()
    await runner.cleanup()


def main() -> None:
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    asyncio.run(run(parse()))


if __name__ == "__main__":
    main()
