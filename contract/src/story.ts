// The story of the product, by a client that knows the published document and nothing else. Usage: tsx src/story.ts DEMO.JSON

import createClient, { type Client } from "openapi-fetch";
import { randomUUID } from "node:crypto";
import type { components, paths } from "./api.d.ts";
import { awaitMail, demo, mailsTo, moveClock, now } from "./demo.ts";
import { check, run } from "./report.ts";

type Schemas = components["schemas"];
type Answer<T> = { data?: T; error?: unknown; response: Response };

const nobody = createClient<paths>({ baseUrl: demo.api });

function as(token: string): Client<paths> {
  return createClient<paths>({ baseUrl: demo.api, headers: { authorization: `Bearer ${token}` } });
}

// The body of an answer that has to be there.
function got<T>(what: string, answer: Answer<T>, status = 200): T {
  check(`${what}: ${status}`, answer.response.status === status && answer.data !== undefined, answer.error ?? answer.response.status);
  return answer.data as T;
}

function refused<T>(what: string, answer: Answer<T>, status: number, code: string): void {
  const problem = answer.error as Schemas["Problem"] | undefined;
  const isProblem = answer.response.headers.get("content-type") === "application/problem+json";
  check(`${what}: ${status} ${code}`, answer.response.status === status && isProblem && problem?.code === code, answer.error ?? answer.response.status);
}

const once = () => ({ "Idempotency-Key": randomUUID() });
const tag = (answer: { response: Response }) => answer.response.headers.get("etag") ?? "";

function dateIn(zone: string, at: Date): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(at);
}

// Moves the clock to the first such hour in the zone from now on.
async function moveToHour(zone: string, hour: number): Promise<void> {
  const here = Number(new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", hourCycle: "h23" }).format(await now()));
  const ahead = (hour - here + 24) % 24;
  if (ahead > 0) await moveClock(ahead);
}

await run("story", async () => {
  const zone = "Europe/London";
  const email = `nora-${randomUUID().slice(0, 8)}@patients.example`;
  const password = "a long sentence that only nora knows";

  // The clinic, in the morning, so that this day has an evening.
  await moveToHour(zone, 10);
  const owner = demo.staff.find((member) => member.role === "owner");
  check("the demo has an owner", owner !== undefined);
  const signIn = got("staff sign-in", await nobody.POST("/v1/auth/login", { body: { email: owner.email, password: demo.password } }));
  check("the token acts for a clinic, as its owner", signIn.acts_as === "staff" && signIn.role === "owner" && signIn.clinic_id !== null, signIn);
  refused("without a token", await nobody.GET("/v1/clinic/patients"), 401, "sign_in_needed");
  const refreshed = got("the session goes on", await nobody.POST("/v1/auth/refresh", { body: { refresh_token: signIn.refresh_token } }));
  const clinic = as(refreshed.access_token);

  const key = once();
  const newPatient = { name: "Nora Invented", email, zone, locale: "en" };
  const patient = got("add a patient", await clinic.POST("/v1/clinic/patients", { params: { header: key }, body: newPatient }), 201);
  const again = got("the same request again", await clinic.POST("/v1/clinic/patients", { params: { header: key }, body: newPatient }), 201);
  check("makes no second patient", again.id === patient.id);
  refused("an unknown zone", await clinic.POST("/v1/clinic/patients", { body: { ...newPatient, zone: "Mars/Olympus" } }), 422, "invalid");

  const path = { patient_id: patient.id };
  const performed_on = dateIn(zone, await now());
  const treatment = got("record a treatment", await clinic.POST("/v1/clinic/patients/{patient_id}/treatments", {
    params: { path, header: once() },
    body: { procedure: "microneedling", performed_on, body_area: "face", parameters: { needle_depth_mm: 1.5, skin_type: "III" } },
  }), 201);

  const library = got("list the library", await clinic.GET("/v1/library/protocols"));
  check("the library has the plan for the face", library.items.some((protocol) => protocol.key === "mn-face"));
  const draft = got("adopt a protocol", await clinic.POST("/v1/clinic/protocols", { params: { header: once() }, body: { library_key: "mn-face" } }), 201);
  const active = got("activate it", await clinic.POST("/v1/clinic/protocols/{key}/versions/{version}/activate", {
    params: { path: { key: draft.key, version: draft.version }, header: once() },
  }));
  check("it is active", active.status === "active", active.status);

  const enrolment: Schemas["NewPlan"] = { patient_id: patient.id, treatment_id: treatment.id, protocol_key: active.key };
  const plan = got("enrol", await clinic.POST("/v1/clinic/plans", { params: { header: once() }, body: enrolment }), 201);
  check("the plan is active, day 0 is the treatment's date", plan.status === "active" && plan.day_zero === performed_on, plan);
  refused("enrol twice", await clinic.POST("/v1/clinic/plans", { params: { header: once() }, body: enrolment }), 409, "already_enrolled");

  got("invite", await clinic.POST("/v1/clinic/patients/{patient_id}/invitation", { params: { path, header: once() } }), 201);
  const invitation = await awaitMail(email, (mail) => /\/open\/invitation#/.test(mail.text));
  const token = /\/open\/invitation#([\w-]+)/.exec(invitation.text)?.[1] ?? "";
  check("the invitation is mailed, with a link", token !== "", invitation.text);
  check("its subject says nothing about health", !/needl|skin|treat|derma|clinic/i.test(invitation.subject), invitation.subject);

  // The patient.
  const accepted = got("accept the invitation", await nobody.POST("/v1/auth/invitations/accept", { body: { token, password } }));
  check("the token acts for a patient", accepted.acts_as === "patient" && accepted.clinic_id === null, accepted);
  refused("accept it twice", await nobody.POST("/v1/auth/invitations/accept", { body: { token, password } }), 400, "link_used_up");
  got("the patient signs in", await nobody.POST("/v1/auth/login", { body: { email, password } }));
  const me = as(accepted.access_token);
  refused("a patient's token at the clinic's routes", await me.GET("/v1/clinic/patients"), 403, "not_allowed");

  const seen = await me.GET("/v1/me/today");
  const today = got("read today", seen);
  check("it is day 0 in the patient's zone", today.plans[0]?.day === 0 && today.zone === zone && today.date === performed_on, today.plans);
  const unchanged = await me.GET("/v1/me/today", { params: { header: { "If-None-Match": tag(seen) } } });
  check("an unchanged day: 304", unchanged.response.status === 304, unchanged.response.status);
  const timeline = got("read the timeline", await me.GET("/v1/me/plans/{plan_id}/timeline", { params: { path: { plan_id: plan.id }, query: { from_day: 0, limit: 7 } } }));
  check("seven days, in order", timeline.items.map((day) => day.plan.day).join() === "0,1,2,3,4,5,6", timeline.items.length);

  // Check-ins: answered from the form of the day, whatever it asks.
  const form = today.forms[0];
  check("today has a form", form !== undefined, today);
  const answers = (level: number) => {
    const all: Record<string, unknown> = {};
    for (const question of form.questions) {
      if (question.kind === "level") all[question.key] = level;
      if (question.kind === "multi") all[question.key] = [];
    }
    return all;
  };
  const calm: Schemas["NewCheckIn"] = { plan_id: plan.id, answers: answers(1) };
  const checkInPath = { check_in_id: randomUUID() };
  const first = got("a check-in", await me.PUT("/v1/me/check-ins/{check_in_id}", { params: { path: checkInPath }, body: calm }), 201);
  check("gets advice at once, and nothing was found", first.advice.text !== "" && first.advice.reasons.length === 0 && first.urgency === null && first.standing_line !== "", first);
  const repeated = got("the same again", await me.PUT("/v1/me/check-ins/{check_in_id}", { params: { path: checkInPath }, body: calm }));
  check("gives the same answer", JSON.stringify(repeated) === JSON.stringify(first), repeated);
  refused("the same id with another body", await me.PUT("/v1/me/check-ins/{check_in_id}", { params: { path: checkInPath }, body: { ...calm, answers: answers(2) } }), 409, "id_taken");
  const odd = got("an answer that nobody asked for", await me.PUT("/v1/me/check-ins/{check_in_id}", { params: { path: { check_in_id: randomUUID() } }, body: { ...calm, answers: { mood: 3 } } }), 201);
  check("is kept and named", odd.not_used.some((part) => part.question === "mood"), odd);
  refused("a form without an answer", await me.PUT("/v1/me/check-ins/{check_in_id}", { params: { path: { check_in_id: randomUUID() } }, body: { ...calm, answers: {} } }), 422, "invalid");
  const bad = got("an off-track check-in", await me.PUT("/v1/me/check-ins/{check_in_id}", { params: { path: { check_in_id: randomUUID() } }, body: { ...calm, answers: answers(10) } }), 201);
  check("gets advice that a person must look at it", bad.urgency !== null && bad.advice.reasons.length > 0, bad);

  // The alert.
  const open = got("list the open alerts", await clinic.GET("/v1/clinic/alerts", { params: { query: { status: "open" } } }));
  const raised = open.items.find((alert) => alert.patient_id === patient.id && alert.check_in_id === bad.id);
  check("it raised an alert", raised !== undefined, open.items.length);
  const alertPath = { alert_id: raised.id };
  const read = await clinic.GET("/v1/clinic/alerts/{alert_id}", { params: { path: alertPath } });
  got("read the alert", read);
  const taken = await clinic.POST("/v1/clinic/alerts/{alert_id}/acknowledge", { params: { path: alertPath, header: { "If-Match": tag(read) } } });
  check("acknowledge", got("acknowledge it", taken).status === "acknowledged");
  const end: Schemas["AlertEnd"] = { resolution: "advised", note: "Called back, advised." };
  refused("resolve by an old ETag", await clinic.POST("/v1/clinic/alerts/{alert_id}/resolve", { params: { path: alertPath, header: { "If-Match": tag(read) } }, body: end }), 412, "stale");
  const ended = got("resolve it with a reason", await clinic.POST("/v1/clinic/alerts/{alert_id}/resolve", { params: { path: alertPath, header: { "If-Match": tag(taken) } }, body: end }));
  check("it is resolved", ended.status === "resolved" && ended.resolution === "advised" && ended.note === end.note, ended);

  // The evening: a task opens and is done; the scheduled check-in is still missing, as both were sent unasked.
  await moveToHour(zone, 18);
  const evening = as(got("the patient signs in again", await nobody.POST("/v1/auth/login", { body: { email, password } })).access_token);
  const lines = await evening.GET("/v1/me/today");
  const task = got("read today again", lines).items.find((item) => item.kind === "task" && item.state === "open");
  check("there is a task to do now", task !== undefined, lines.data);
  const marked = got("mark it done", await evening.PUT("/v1/me/occurrences/{occurrence_id}/mark", { params: { path: { occurrence_id: task.occurrence_id } }, body: { state: "done" } }));
  check("it is done", marked.state === "done", marked.state);
  const changed = await evening.GET("/v1/me/today", { params: { header: { "If-None-Match": tag(lines) } } });
  check("today has changed", changed.response.status === 200 && changed.data?.items.find((item) => item.occurrence_id === task.occurrence_id)?.state === "done", changed.response.status);
  check("a check-in waits", changed.data.items.some((item) => item.kind === "check_in" && item.state === "open"), changed.data);

  const before = (await mailsTo(email)).length;
  await moveToHour(zone, 22);
  const reminder = await awaitMail(email, (mail) => /\/v1\/unsubscribe\//.test(mail.text));
  check("the evening brings one mail: the reminder", (await mailsTo(email)).length === before + 1, before);
  const hour = Number(new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", hourCycle: "h23" }).format(new Date(reminder.date)));
  check("in the patient's evening", hour >= 17 && hour <= 21, reminder.date);
  const later = got("the clinic signs in", await nobody.POST("/v1/auth/login", { body: { email: owner.email, password: demo.password } }));
  const reminders = got("why did it go out", await as(later.access_token).GET("/v1/clinic/plans/{plan_id}/reminders", { params: { path: { plan_id: plan.id } } }));
  check("because the check-in was missing", reminders.items.some((one) => one.decision === "mailed" && one.reason === "missing"), reminders.items);

  // Unsubscribe as a mail program does it (RFC 8058).
  const link = /\/v1\/unsubscribe\/([\w-]+)/.exec(reminder.text)?.[1] ?? "";
  const page = await nobody.GET("/v1/unsubscribe/{token}", { params: { path: { token: link } }, parseAs: "text" });
  check("opening the link shows a page with a button", page.response.status === 200 && /<form method="post">/.test(page.data ?? ""), page.response.status);
  const patientNow = async () => got("read the patient", await as(later.access_token).GET("/v1/clinic/patients/{patient_id}", { params: { path } }));
  check("and changes nothing", (await patientNow()).reminders);
  const clicked = await nobody.POST("/v1/unsubscribe/{token}", {
    params: { path: { token: link } },
    headers: { "content-type": "application/x-www-form-urlencoded" },
    parseAs: "text",
  });
  check("one click unsubscribes", clicked.response.status === 200 && !(await patientNow()).reminders, clicked.response.status);
  const count = (await mailsTo(email)).length;
  await moveClock(24);
  check("the next evening brings nothing", (await mailsTo(email)).length === count, await mailsTo(email));
});
