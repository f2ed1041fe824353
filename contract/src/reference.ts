// The reference page in a real browser that may talk to nobody but the demo. Usage: tsx src/reference.ts DEMO.JSON DOCUMENT [PICTURE]

import { readFileSync, statSync } from "node:fs";
import { chromium } from "playwright-core";
import { demo } from "./demo.ts";
import { check, run } from "./report.ts";

const [, , , file = "", picture] = process.argv;

await run("reference page", async () => {
  const contract = JSON.parse(readFileSync(file, "utf8")) as { paths: Record<string, Record<string, unknown>> };
  const wanted = Object.values(contract.paths).reduce((sum, item) => sum + Object.keys(item).length, 0);

  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    const elsewhere: string[] = [];
    const complaints: string[] = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (why) => complaints.push(String(why)));
    page.on("response", (response) => response.status() >= 400 && complaints.push(`${response.status()} ${response.url()}`));
    await page.route("**/*", (route) => {
      const url = route.request().url();
      if (url.startsWith(`${demo.api}/`) || url.startsWith("data:")) return route.continue();
      elsewhere.push(url);
      return route.abort();
    });

    await page.goto(`${demo.api}/docs/`);
    await page.waitForSelector(".opblock");
    const title = await page.locator(".info .title").first().innerText();
    check("the page names the product", title.includes("Aftercare"), title);
    const listed = await page.locator(".opblock").count();
    check(`all ${wanted} operations are listed`, listed === wanted, listed);
    const health = page.locator("#operations-service-get_health");
    await health.locator(".opblock-summary-control").click();
    await health.locator("button.try-out__btn").click();
    await health.locator("button.execute").click();
    await health.locator(".live-responses-table .response").first().waitFor();
    const shown = await health.locator(".live-responses-table .response .response-col_status").first().innerText();
    check('"Try it out" on GET /healthz shows 200', shown.startsWith("200"), shown);
    const body = await health.locator(".live-responses-table .response .highlight-code").first().innerText();
    check("and its answer", /"status":\s*"ok"/.test(body), body);

    const login = page.locator("#operations-sign-in-login");
    await login.locator(".opblock-summary-control").click();
    const example = await login.locator(".body-param__example").first().innerText();
    check("a body has an example to send", example.includes("owner@clinic.example"), example);

    if (picture) {
      await login.locator(".opblock-summary-control").click();
      await health.locator(".opblock-summary-control").click();
      const today = page.locator("#operations-today-get_today");
      await today.locator(".opblock-summary-control").click();
      await today.locator(".example").first().waitFor();
      await page.locator("#operations-tag-today").evaluate((heading) => {
        document.body.style.zoom = "0.8";
        (document.activeElement as HTMLElement).blur();
        heading.scrollIntoView();
      });
      await page.screenshot({ path: picture });
      const size = statSync(picture).size;
      check(`the picture is ${Math.round(size / 1000)} kB`, size < 250_000);
    }

    check("nothing was asked of any other host", elsewhere.length === 0, elsewhere);
    check("the browser complains about nothing, the content security policy included", complaints.length === 0, complaints);
  } finally {
    await browser.close();
  }
});
