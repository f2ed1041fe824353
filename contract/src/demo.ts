// The running demo: where it is, who may sign in, its mail and its clock. None of this is part of the contract.

import { readFileSync } from "node:fs";

export type Mail = { file: string; date: string; to: string; subject: string; text: string };

export const demo = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as {
  api: string;
  password: string;
  staff: { email: string; role: string }[];
  patients: { email: string; day: number; plan_id: string; zone: string }[];
};

export async function mailsTo(address: string): Promise<Mail[]> {
  const mails = (await (await fetch(`${demo.api}/demo/mails.json`)).json()) as { items: Mail[] };
  return mails.items.filter((mail) => mail.to === address);
}

// Mail goes out within moments: waits for one that fits.
export async function awaitMail(address: string, fits: (mail: Mail) => boolean): Promise<Mail> {
  for (let tries = 0; tries < 100; tries += 1) {
    const mail = (await mailsTo(address)).find(fits);
    if (mail) return mail;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(`no such mail came to ${address}`);
}

// Moves the clock on; everything that comes due on the way is done before this returns.
export async function moveClock(hours: number): Promise<string> {
  const headers = { "content-type": "application/json" };
  const moved = await fetch(`${demo.api}/demo/clock`, { method: "POST", headers, body: JSON.stringify({ hours }) });
  if (!moved.ok) throw new Error(`the clock did not move: ${await moved.text()}`);
  return ((await moved.json()) as { now: string }).now;
}

export async function now(): Promise<Date> {
  const clock = (await (await fetch(`${demo.api}/demo/clock`)).json()) as { now: string };
  return new Date(clock.now);
}
