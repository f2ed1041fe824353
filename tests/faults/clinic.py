"""An invented clinic with its owner signed in, and what the owner does."""

import re
import time

PASSWORD = "a sentence that only I know"
OWNER = "owner@clinic.example"
CREATE = [
    *("clinic", "create", "--name", "Invented Clinic", "--zone", "Europe/London", "--phone", "+44 20 7946 0000"),
    *("--emergency-number", "999", "--out-of-hours", "NHS 111", "--reply-hours", "Mon-Fri 9:00-17:00"),
    *("--owner-name", "Olga Invented"),
]


def create(home, owner=OWNER):
    """Runs `clinic create`; gives the token of the owner's invitation."""
    printed = home.must_run(*CREATE, "--owner-email", owner)
    return re.search(r"invitation#(\S+)", printed).group(1)


class Clinic:
    """Made over the API of a running server."""

    def __init__(self, home, server):
        self.home, self._token, self._until = home, None, 0.0
        invitation = create(home)
        answer = server.client().must(
            200, "POST", "/v1/auth/invitations/accept", {"token": invitation, "password": PASSWORD}
        )
        self._keep(answer)

    def _keep(self, answer):
        self._token, self._until = answer["access_token"], time.monotonic() + 600

    def owner(self, server, fresh=False):
        """The owner's client at that server."""
        if fresh or time.monotonic() > self._until:
            login = {"email": OWNER, "password": PASSWORD}
            self._keep(server.client().must(200, "POST", "/v1/auth/login", login))
        return server.client(self._token)

    def add_patient(self, owner, name, zone="Europe/London"):
        patient = {"name": f"{name} Invented", "email": f"{name.lower()}@patients.example", "zone": zone}
        return owner.must(201, "POST", "/v1/clinic/patients", patient)

    def invite(self, owner, count, prefix="p"):
        """Puts so many invitations into the outbox; gives their addresses."""
        addresses = []
        for number in range(count):
            patient = self.add_patient(owner, f"{prefix}{number}")
            owner.must(201, "POST", f"/v1/clinic/patients/{patient['id']}/invitation")
            addresses.append(patient["email"])
        return addresses

    def approve(self, owner):
        """The face plan, approved."""
        owner.must(201, "POST", "/v1/clinic/protocols", {"library_key": "mn-face"})
        owner.must(200, "POST", "/v1/clinic/protocols/mn-face/versions/1/activate")

    def accept(self, who="account_id IS NULL"):
        """Only who has accepted is reminded. The account has the record's id: how a phone gets one is not what most scenes are about."""
        columns = "id, email, auth_epoch, locale, created_at"
        self.home.change(f"INSERT INTO accounts ({columns}) SELECT id, email, 1, locale, created_at FROM patients WHERE {who}")
        self.home.change(f"UPDATE patients SET account_id = id WHERE {who}")

    def enrol(self, owner, name, day_zero, zone="Europe/London", accepted=True):
        """A patient with a face plan; gives the plan's id."""
        patient = self.add_patient(owner, name, zone)
        if accepted:
            self.accept(f"email = '{patient['email']}'")
        treatment = owner.must(
            201,
            "POST",
            f"/v1/clinic/patients/{patient['id']}/treatments",
            {
                "procedure": "microneedling",
                "performed_on": day_zero,
                "body_area": "face",
                "parameters": {"needle_depth_mm": 1.5, "skin_type": "III"},
            },
        )
        enrolment = {"patient_id": patient["id"], "treatment_id": treatment["id"], "protocol_key": "mn-face"}
        return owner.must(201, "POST", "/v1/clinic/plans", enrolment)["id"]
