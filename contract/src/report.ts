// One line per check, and an exit code.

let missed = 0;

export function check(what: string, holds: boolean, seen?: unknown): asserts holds {
  if (holds) {
    console.log(`ok    ${what}`);
    return;
  }
  missed += 1;
  console.log(`MISS  ${what}${seen === undefined ? "" : `: ${JSON.stringify(seen).slice(0, 800)}`}`);
  process.exitCode = 1;
  throw new Miss(what);
}

export class Miss extends Error {}

// Runs a program of checks; what it throws is a miss too.
export async function run(name: string, program: () => Promise<void> | void): Promise<void> {
  try {
    await program();
  } catch (why) {
    process.exitCode = 1;
    if (!(why instanceof Miss)) {
      missed += 1;
      console.log(`MISS  ${name}: ${why instanceof Error ? why.stack : String(why)}`);
    }
  }
  console.log(`${missed === 0 ? "ok   " : "MISS "} ${name}`);
}
