// The built-in pages in a real browser that may talk to nobody but the demo, and that says odd things of itself. Usage: tsx src/browser.ts DEMO.JSON

import { type BrowserContextOptions, type Page, chromium } from "playwright-core";
import { demo } from "./demo.ts";
import { check, run } from "./report.ts";

const PHONE: BrowserContextOptions = { viewport: { width: 360, height: 640 } };

await run("the built-in pages", async () => {
  const login = await fetch(`${demo.api}/v1/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "ada@patients.example", password: demo.password }),
  });
  const session = await login.text();
  check("the demo's patient signs in", login.status === 200, login.status);

  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
  const open = async (path: string, options: BrowserContextOptions, prepare: (page: Page) => Promise<unknown>) => {
    const context = await browser.newContext({ ...PHONE, ...options });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (why) => complaints.push(String(why)));
    page.on("request", (request) => request.url().startsWith(`${demo.api}/`) || complaints.push(request.url()));
    await prepare(page);
    await page.goto(`${demo.api}${path}`);
    return { page, complaints, done: () => context.close() };
  };
  try {
    for (const [locale, heading] of [["en-GB", "For patients"], ["es-MX", "Para pacientes"], ["de-CH", "Für Patientinnen und Patienten"]] as const) {
      for (const colorScheme of ["light", "dark"] as const) {
        const { page, complaints, done } = await open("/", { locale, colorScheme }, async () => {});
        check(`/ in ${locale}, ${colorScheme}`, await page.getByRole("heading", { name: heading }).isVisible());
        check("fits 360 px", await page.evaluate(() => document.documentElement.scrollWidth <= 360));
        check("and loads nothing from elsewhere", complaints.length === 0, complaints);
        await done();
      }
    }
    for (const languages of [[], ["C"], ["en-US-u-ca-buddhist"]]) {
      for (const zone of ["Europe/London", "Etc/Nowhere", ""]) {
        const { page, complaints, done } = await open("/open/today", {}, async (page) => {
          // As text: what tsx makes of a function does not run in a page.
          const say = `Object.defineProperty(navigator, "languages", { get: () => ${JSON.stringify(languages)} });`;
          await page.addInitScript(`${say} sessionStorage.setItem("session", ${JSON.stringify(session)});`);
          await page.route("**/v1/me/today*", async (route) => {
            const response = await route.fetch();
            await route.fulfill({ response, json: { ...(await response.json()), zone } });
          });
        });
        await page.getByRole("heading", { name: "When to call" }).waitFor();
        const number = await page.locator(".emergency .number").first().innerText();
        check(`today with languages ${JSON.stringify(languages)} in ${JSON.stringify(zone)} shows the number`, /^\d{3}$/.test(number), number);
        check("and nothing fails", complaints.length === 0, complaints);
        await done();
      }
    }
    const { page, done } = await open("/open/today", {}, (page) => page.route("**/open/*.js", (route) => route.abort()));
    check("without its script, the page says the numbers", (await page.locator(".emergency").first().innerText()).includes("112"));
    await done();
  } finally {
    await browser.close();
  }
});
