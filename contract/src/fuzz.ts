// Runs schemathesis as a member of staff, as a patient, and as nobody. Usage: tsx src/fuzz.ts DEMO.JSON ST DOCUMENT

import { spawnSync } from "node:child_process";
import createClient from "openapi-fetch";
import type { paths } from "./api.d.ts";
import { demo, mailsTo } from "./demo.ts";
import { check, run } from "./report.ts";

const [, , , st = "", file = ""] = process.argv;

async function signIn(email: string): Promise<string> {
  const { data } = await createClient<paths>({ baseUrl: demo.api }).POST("/v1/auth/login", { body: { email, password: demo.password } });
  check(`${email} signs in`, data !== undefined);
  return data.access_token;
}

const client = (token: string) => createClient<paths>({ baseUrl: demo.api, headers: { authorization: `Bearer ${token}` } });

// The objects that the demo's clinic and this patient really have.
async function known(staff: string, patient: string, email: string): Promise<Record<string, string>> {
  const [clinic, me] = [client(staff), client(patient)];
  const patients = (await clinic.GET("/v1/clinic/patients", { params: { query: { limit: 2 } } })).data;
  const alerts = (await clinic.GET("/v1/clinic/alerts")).data?.items;
  const members = (await clinic.GET("/v1/clinic/members")).data?.items;
  const courses = (await clinic.GET("/v1/clinic/courses")).data?.items;
  const plan = (await me.GET("/v1/me/plans")).data?.items[0];
  const today = (await me.GET("/v1/me/today")).data;
  const plans = (await clinic.GET("/v1/clinic/plans", { params: { query: { limit: 100 } } })).data?.items ?? [];
  let reminder: string | undefined;
  for (const { id } of plans) {
    reminder ??= (await clinic.GET("/v1/clinic/plans/{plan_id}/reminders", { params: { path: { plan_id: id } } })).data?.items[0]?.id;
  }
  const undelivered = (await clinic.GET("/v1/clinic/undelivered-mails")).data?.items;
  const mail = (await mailsTo(email)).map(({ text }) => /\/v1\/unsubscribe\/([\w-]+)/.exec(text)?.[1]).find(Boolean);
  const all = {
    PATIENT_ID: plan?.patient_id,
    PLAN_ID: plan?.id,
    COURSE_ID: courses?.[0]?.id,
    ALERT_ID: alerts?.[0]?.id,
    REMINDER_ID: reminder,
    MAIL_ID: undelivered?.[0]?.id,
    MEMBER_ID: members?.find((member) => member.role === "coordinator")?.id,
    OCCURRENCE_ID: today?.items.find((item) => item.kind === "task" || item.kind === "photo")?.occurrence_id,
    UNSUBSCRIBE_TOKEN: mail,
    CURSOR: patients?.next_cursor ?? undefined,
  };
  check("the demo has an object of each kind", Object.values(all).every((value) => typeof value === "string"), all);
  return all as Record<string, string>;
}

function fuzz(who: string, token: string | undefined, environment: Record<string, string>, select: string[]): void {
  const began = Date.now();
  const header = token === undefined ? [] : ["--header", `Authorization: Bearer ${token}`];
  const done = spawnSync(st, ["--config-file", "schemathesis.toml", "run", file, "--url", demo.api, "--no-color", "--checks", "all", ...header, ...select], {
    env: { ...process.env, ...environment },
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const text = done.stdout + done.stderr;
  const counted = /Test cases:\n\s+(.*)/.exec(text)?.[1] ?? "no test cases";
  const tested = /Tested: (\d+)/.exec(text)?.[1] ?? "0";
  if (done.status !== 0) console.log(text);
  check(`schemathesis as ${who}: ${tested} operations, ${counted}, ${Math.round((Date.now() - began) / 1000)} s`, done.status === 0);
}

await run("schemathesis", async () => {
  const owner = demo.staff.find((member) => member.role === "owner")?.email ?? "";
  const chidi = demo.patients.find((patient) => patient.day >= 2 && patient.day <= 5 && patient.zone.startsWith("A"))?.email ?? "";
  const [staff, patient] = [await signIn(owner), await signIn(chidi)];
  const environment = await known(staff, patient, chidi);
  const mine = "^/v1/me(/|$)";
  const sessions = "^/v1/me/sessions$";
  const failures: unknown[] = [];
  const all: [string, string | undefined, string[]][] = [
    ["a patient", patient, ["--include-path-regex", mine, "--exclude-path-regex", sessions]],
    ["nobody", undefined, ["--exclude-path-regex", "^/v1/(clinic|library|me)(/|$)"]],
    // It ends the session of its own token.
    ["a patient who leaves", await signIn(chidi), ["--include-path-regex", sessions]],
    // Last, as it shuts the patient's account.
    ["staff", staff, ["--include-path-regex", "^/v1/(clinic|library)(/|$)"]],
  ];
  for (const [who, token, select] of all) {
    try {
      fuzz(who, token, environment, select);
    } catch (why) {
      failures.push(why);
    }
  }
  if (failures.length > 0) throw failures[0];
});
