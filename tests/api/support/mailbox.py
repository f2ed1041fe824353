"""A real SMTP server for one test: says its port, then each letter as a line of JSON."""
import json
import sys
import time

try:
    from aiosmtpd.controller import Controller
except ImportError:
    print("missing", flush=True)
    sys.exit(0)


class Mailbox:
    async def handle_DATA(self, server, session, envelope):
        letter = envelope.content.decode("utf-8", "replace")
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "letter": letter}), flush=True)
        return "250 2.0.0 taken"


controller = Controller(Mailbox(), hostname="127.0.0.1", port=0)
controller.server_coro = None
if __name__ == "__main__":
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        controller.port = free.getsockname()[1]
    controller.start()
    print(controller.port, flush=True)
    time.sleep(60)
