"""What the log says after a day on which everything was said and much went wrong: T43, T44."""

import itertools
import json
import pathlib
import re
import socket
import time
import uuid

from .clinic import PASSWORD
from .registry import fault, need_all
from .server import until

NAME = "Quillonia"
CANARIES = {
    "a name": NAME,
    "an address": f"{NAME.lower()}@patients.example",
    "a telephone number": "7946 0123",
    "a note": "glowworm",
    "a choice": "the-blue-swelling",
    "a password": PASSWORD,
    "a wrong password": "not the sentence that I know",
    "a guessed address": "somebody.else@patients.example",
    "a source": "203.0.113.77",
    "a forged line": "forged by a client",
}
FORGED = '"}\\n{"level":"ERROR","message":"forged by a client"}'


def signed_in(server, relay, address):
    """Accepts the mailed invitation; gives the token of the link and the person's client."""
    letter = until(lambda: next((letter for letter in relay.taken if letter.to == address), None), 10)
    link = re.search(r"invitation#([\w.=-]+)", letter.text.replace("=\r\n", "").replace("=3D", "="))
    token = link.group(1)
    session = server.client().must(200, "POST", "/v1/auth/invitations/accept", {"token": token, "password": PASSWORD})
    return token, session, server.client(session["access_token"])


def raw(port, head):
    """Sends what no client library would."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(head)
        line.recv(1000)


@fault("FL", "what the log tells", quick={"filters": ["info", "trace"]},
       full={"filters": ["info", "info,aftercare=trace", "debug", "trace"]})  # fmt: skip
def the_log_tells_nothing_of_a_patient_and_nothing_that_a_client_wrote(scene, filters):
    """Nothing of a patient, no secret, no line that a client wrote."""
    lines = 0
    for filter, on_postgres in itertools.product(filters, [False, True]):
        relay = scene.relay()
        home = scene.home(relay, on_postgres=on_postgres, log=filter)
        server, clinic, owner = scene.clinic(home)
        clinic.approve(owner)
        plan = clinic.enrol(owner, NAME, time.strftime("%Y-%m-%d", time.gmtime()), accepted=False)
        patient = owner.must(200, "GET", f"/v1/clinic/plans/{plan}")["patient_id"]
        owner.must(201, "POST", f"/v1/clinic/patients/{patient}/invitation")
        link, session, person = signed_in(server, relay, CANARIES["an address"])
        sent = {"plan_id": plan, "answers": {"signs": ["F6", CANARIES["a choice"]], "worried": True, "note": CANARIES["a note"]}}
        check_in = person.ask("PUT", f"/v1/me/check-ins/{uuid.uuid4()}", sent)
        for body in ({**sent, "answers": CANARIES["a note"]}, {**sent, "plan_id": CANARIES["a note"]}):
            person.ask("PUT", f"/v1/me/check-ins/{uuid.uuid4()}", body)
        person.must(200, "GET", "/v1/me/today")
        anybody = server.client()
        for address in (CANARIES["an address"], CANARIES["a guessed address"]):
            anybody.ask("POST", "/v1/auth/login", {"email": address, "password": CANARIES["a wrong password"]},
                        x_forwarded_for=CANARIES["a source"])  # fmt: skip
            anybody.ask("POST", "/v1/auth/sign-in-links", {"email": address})
        for number in range(3):
            owner.ask("GET", f"/v1/clinic/patients?q={NAME}&limit={number}x")
            owner.ask("GET", f"/v1/{NAME}/{number}")
        owner.ask("POST", "/v1/clinic/patients", {"name": NAME, "phone": CANARIES["a telephone number"], "zone": FORGED})
        server.client("e30.e30.forged by a client").ask("GET", "/v1/me/today")
        for field in ("user-agent", "x-request-id", "idempotency-key", "traceparent", "accept-language", "if-match"):
            for value in (FORGED, f"\x1b[31m{FORGED}"):
                head = f"GET /v1/me/today?q=%0a%7b%22forged%20by%20a%20client HTTP/1.1\r\nhost: a\r\n{field}: {value}\r\n\r\n"
                raw(server.port, head.encode())
        raw(server.port, b"POST /v1/auth/login HTTP/1.1\r\nhost: a\r\ncontent-length: 5, 6\r\nx: forged by a client\r\n\r\n")
        # The database goes under the server's feet: what it says then is looked at too.
        home.change("ALTER TABLE marks RENAME TO lost")
        person.ask("GET", "/v1/me/today")
        server.stop()
        log = pathlib.Path(server.log).read_text(errors="replace")
        told = [what for what, word in CANARIES.items() if word.lower() in log.lower()]
        secrets = {"a link": link, "a session": session["access_token"], "a refresh token": session["refresh_token"]}
        told += [what for what, word in secrets.items() if word in log]
        events = [line for line in log.splitlines() if not line.startswith("aftercare: ")]
        no_json = [line for line in events if not is_event(line)]
        lines += len(events)
        need_all(
            (check_in.status < 300, f"the check-in was answered {check_in.status}: {check_in.body[:300]}"),
            (not told, f"with log = {filter} the log tells {', '.join(told)}"),
            (not no_json, f"{len(no_json)} lines are no event: {no_json[:1]}"),
            (len(events) > 5, f"only {len(events)} lines: there was nothing to look at"),
        )
    return f"{lines} lines, {len(CANARIES) + 3} words looked for"


def is_event(line):
    """One JSON object with a time and a level."""
    try:
        return {"timestamp", "level"} <= set(json.loads(line))
    except ValueError:
        return False
